import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Dataset, Tensor } from '@whittle/ir'
import { zipSync } from 'fflate'

const TYPES: Partial<Record<Tensor['type'], string>> = { float32: '<f4', int64: '<i8', int32: '<i4', bool: '|b1' }

/** Writes a dataset as a folder of .npz, one a sample, for tools that are no Node programs. */
export async function writeNpzFolder(dataset: Dataset, folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  let index = 0
  for await (const { inputs } of dataset.samples()) {
    const files = Object.entries(inputs).map(([name, tensor]) => [`${name}.npy`, npyOf(tensor)] as const)
    writeFileSync(join(folder, `${String(index++).padStart(6, '0')}.npz`), zipSync(Object.fromEntries(files), { level: 0 }))
  }
}

/** NumPy's format 1.0. */
function npyOf(tensor: Tensor): Uint8Array {
  const descr = TYPES[tensor.type]
  if (!descr) throw new Error(`no .npy of ${tensor.type}`)
  const shape = tensor.dims.map((dim) => `${dim},`).join(' ')
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`
  const length = Buffer.alloc(2)
  length.writeUInt16LE(header.length)
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, Buffer.from(header, 'latin1'), tensor.bytes()])
}
