import { whittle } from '@whittle/rollup-plugin'
import { defineConfig } from 'vite'
import { prepare } from './scripts/prepare.mjs'

export default defineConfig(async () => {
  await prepare()
  return { plugins: [whittle()] }
})
