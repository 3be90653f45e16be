import type { WhittleConfig } from '@whittle/rollup-plugin'

export default {
  defaults: 'calibrate=lines&target=wasm;webgpu',
  datasets: { lines: './data/calibration.ts' },
} satisfies WhittleConfig
