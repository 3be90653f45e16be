import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { loadModule } from '@whittle/engine'
import { OptionError } from '@whittle/ir'
import { APP_MODULES } from './dataset.ts'
import type { WhittleConfig } from './types.ts'

const NAMES = ['whittle.config.ts', 'whittle.config.mts', 'whittle.config.js', 'whittle.config.mjs']

/** The path of the project's configuration file, if it has one. */
export async function findConfig(root: string): Promise<string | undefined> {
  for (const name of NAMES) {
    const file = join(root, name)
    if ((await stat(file).catch(() => undefined))?.isFile()) return file
  }
  return undefined
}

/**
 * Reads `whittle.config.{ts,mts,js,mjs}` of the project's root; an empty configuration where there is none.
 * @throws {DatasetError} when it cannot be loaded. @throws {OptionError} when it is no object, or has an unknown key.
 */
export async function loadConfig(root: string): Promise<{ config: WhittleConfig; file?: string; watch: string[] }> {
  const file = await findConfig(root)
  if (!file) return { config: {}, watch: [] }
  const module = await loadModule(file, { root, modules: APP_MODULES })
  const config = module.exports['default']
  if (typeof config !== 'object' || config === null)
    throw new OptionError(
      'CONFIG_INVALID',
      `${module.name}: the default export is not an object; write export default defineConfig({ ... })`,
    )
  checkConfig(config as WhittleConfig, module.name)
  return { config: config as WhittleConfig, file, watch: module.files }
}

const KEYS: readonly (keyof WhittleConfig)[] = ['defaults', 'presets', 'datasets', 'metrics', 'classes']

function checkConfig(config: WhittleConfig, name: string): void {
  for (const key of Object.keys(config))
    if (!KEYS.includes(key as keyof WhittleConfig))
      throw new OptionError('CONFIG_INVALID', `${name}: unknown key '${key}'; known are ${KEYS.join(', ')}`)
  const { classes } = config
  if (classes !== undefined && !(Array.isArray(classes) && classes.every((output) => typeof output === 'string')))
    throw new OptionError('CONFIG_INVALID', `${name}: 'classes' is not a list of names of outputs; write classes: ['probabilities']`)
}
