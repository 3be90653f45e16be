import { defineConfig } from '@whittle/compiler'

export default defineConfig({
  defaults: 'calibrate=lines&target=wasm;webgpu',
  datasets: { lines: './data/calibration.ts' },
})
