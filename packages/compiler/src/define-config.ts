import type { WhittleConfig } from './types.ts'

/** Gives types to a configuration file's default export. */
export function defineConfig(config: WhittleConfig): WhittleConfig {
  return config
}
