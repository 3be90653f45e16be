import { defineConfig, mergeConfig } from 'vitest/config'
import shared from '../../vitest.shared.ts'

export default mergeConfig(
  shared,
  defineConfig({
    test: {
      name: 'rollup-plugin',
      // Its files mostly wait for browsers and bundlers, and it is tested last, when nothing else runs.
      maxWorkers: 2,
    },
  }),
)
