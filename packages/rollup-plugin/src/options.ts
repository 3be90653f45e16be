import type { FilterPattern } from '@rollup/pluginutils'
import type { WhittleConfig } from '@whittle/compiler'

/** Options of the plugin. What is compressed, and how, stands in the imports and in `whittle.config.ts`. */
export interface WhittleOptions {
  /** The project's root. By default Vite's root; in Rollup the working directory. */
  root?: string
  /** In place of the configuration file. */
  config?: WhittleConfig
  /** `false`: neither read nor write the cache. A string: its folder. By default `node_modules/.cache/whittle` in the root. */
  cache?: boolean | string
  /**
   * Where the exact types of the imports are written, relative to the root; `false` for nowhere.
   * @default 'whittle-models.d.ts'
   */
  types?: string | false
  /**
   * Where onnxruntime-web's `.wasm` and `.mjs` files are served under their published names. The build then leaves them out.
   * By default the build emits those that the models' targets need.
   */
  runtimeBase?: string
  /**
   * Bytes of the largest file that the app's host takes: the build warns of larger ones.
   * @default 26214400, the 25 MiB of Cloudflare Pages
   */
  maxFile?: number
  /** Models to take, as paths without a query. By default all that `exclude` leaves. */
  include?: FilterPattern
  /** Models to leave to other plugins, as paths without a query. */
  exclude?: FilterPattern
  /**
   * Show what takes longer than a second.
   * @default true
   */
  progress?: boolean
  /**
   * Print the table of variants after a build.
   * @default true
   */
  summary?: boolean
  /** Where a build writes its report, one HTML page, relative to the root. The dev server shows it under `__whittle/` in any case. By default nowhere. */
  report?: string
}
