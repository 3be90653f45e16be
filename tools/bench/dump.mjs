import { createJiti } from 'jiti'
import { writeFileSync } from 'node:fs'
const name = process.argv[2],
  n = +(process.argv[3] ?? 1e9)
const t = (await createJiti(import.meta.url).import(`./tasks/${name}.ts`))[name]
let i = 0
for await (const s of t.calibration.samples()) {
  if (i >= n) break
  const x = Object.values(s.inputs)[0]
  writeFileSync(`/tmp/s/calib_${name}_${i++}.bin`, new Uint8Array(x.toFloat32().buffer))
  console.log(x.dims.join(' '))
}
