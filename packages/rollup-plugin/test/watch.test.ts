import { nodeResolve } from '@rollup/plugin-node-resolve'
import { watch, type RollupWatcherEvent } from 'rollup'
import { expect, test } from 'vitest'
import { whittle } from '../src/index.ts'
import { createApp, ENTRY, tinyModel, typescript } from './app.ts'

test('Rollup’s watch mode builds again when a model changes, fails with its error when it is broken, and recovers', async () => {
  const made = createApp({
    [ENTRY]: `import model from './tiny.onnx?target=wasm&runtime=onnx'\nglobalThis.shown = model\n`,
    'src/tiny.onnx': tinyModel(),
  })
  const watcher = watch({
    input: made.at(ENTRY),
    plugins: [
      whittle({ root: made.root, cache: made.at('.cache'), progress: false, summary: false, runtimeBase: '/ort/' }),
      typescript,
      nodeResolve({ exportConditions: ['@whittle/source'] }),
    ],
    output: { dir: made.at('dist'), format: 'es' },
    watch: { buildDelay: 50 },
  })
  /** What the next build ends with. */
  const ended = () =>
    new Promise<string>((resolve) => {
      const listen = async (event: RollupWatcherEvent): Promise<void> => {
        if (event.code === 'BUNDLE_END') await event.result.close()
        if (event.code !== 'BUNDLE_END' && event.code !== 'ERROR') return
        watcher.off('event', listen)
        resolve(event.code === 'ERROR' ? event.error.message : 'built')
      }
      watcher.on('event', listen)
    })
  try {
    expect(await ended()).toBe('built')
    for (const [content, end] of [
      [tinyModel(5), /^built$/],
      ['no model', /tiny\.onnx/],
      [tinyModel(7), /^built$/],
    ] as const) {
      const next = ended()
      made.write('src/tiny.onnx', content)
      expect(await next).toMatch(end)
    }
    expect(made.read('dist/main.js')).toContain('"N",7]')
    expect(made.files('dist').filter((file) => file.endsWith('.onnx'))).toHaveLength(3)
  } finally {
    await watcher.close()
    made.remove()
  }
})
