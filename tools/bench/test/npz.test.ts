import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { npzFolder } from '@whittle/engine'
import { Tensor } from '@whittle/ir'
import { expect, it } from 'vitest'
import { writeNpzFolder } from '../quantize/npz.ts'

it('writes samples as .npz that are read back as they were: floats, integers and scalars', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'whittle-npz-'))
  try {
    const samples = [1, 2, 3].map((value) => ({
      inputs: {
        x: Tensor.float32([1, 2, 3], [value, -0.5, 1e-30, NaN, Infinity, 7]),
        sr: Tensor.int64([], [16000 * value]),
        ids: Tensor.int64([1, 2], [value, -1]),
      },
    }))
    await writeNpzFolder(
      {
        key: 'test',
        samples: async function* () {
          yield* samples
        },
      },
      folder,
    )
    const read = []
    for await (const sample of (await npzFolder(folder)).samples()) read.push(sample)
    expect(read).toHaveLength(3)
    for (const [index, { inputs }] of samples.entries())
      for (const [name, tensor] of Object.entries(inputs)) {
        const other = read[index]!.inputs[name]!
        expect([name, other.type, other.dims]).toEqual([name, tensor.type, tensor.dims])
        expect(Buffer.from(other.bytes()).equals(Buffer.from(tensor.bytes()))).toBe(true)
      }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
