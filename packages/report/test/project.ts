import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CompileResult, compile } from '@whittle/compiler'
import { writeOnnx } from '@whittle/ir/onnx'
import { buildModel } from '@whittle/testing'
import { onTestFinished } from 'vitest'

/** Names that a page must show, and not obey. */
export const HOSTILE = {
  weight: `w</code><script>window.hacked = 1</script>`,
  node: `<img src=x onerror="window.hacked = 2">`,
  output: `y"><script>window.hacked = 3</script>`,
} as const

/** Two layers on 16 channels; the names are those of an enemy where `hostile` says so. */
export function net(hostile = false): Uint8Array {
  const names = hostile ? HOSTILE : { weight: 'first_w', node: '', output: 'y' }
  return writeOnnx(
    buildModel((b) => {
      const conv = b.node('Conv', [b.input('x', ['N', 16, 6, 6]), b.weight(names.weight, [32, 16, 3, 3])], {}, { name: names.node })
      const pooled = b.node('Flatten', [b.node('GlobalAveragePool', [b.node('Relu', [conv])])])
      b.output(b.node('Gemm', [pooled, b.weight('last_w', [32, 10])]), names.output)
    }),
  )
}

/** What the compiler makes of a model, in a folder that is gone when the test ends. */
export async function compiled(
  model: Uint8Array,
  query: string,
  finished: (clean: () => Promise<void>) => void = onTestFinished,
): Promise<CompileResult> {
  const root = await mkdtemp(join(tmpdir(), 'whittle-report-'))
  finished(() => rm(root, { recursive: true, force: true }))
  await writeFile(join(root, 'net.onnx'), model)
  return compile({ file: join(root, 'net.onnx'), query, root, cache: false })
}
