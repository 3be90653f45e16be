import { defineConfig, mergeConfig } from 'vitest/config'
import shared from '../../vitest.shared.ts'

export default mergeConfig(
  shared,
  // No test changes what another sees: one process loads the sources and onnxruntime once.
  defineConfig({ test: { name: 'ir', isolate: false } }),
)
