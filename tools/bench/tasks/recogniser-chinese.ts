import { type Dataset, createRandom, defineDataset } from '@whittle/ir'
import { registerFace } from 'example-text-direction/draw'
import { debianFile, fetchDebian } from './debian.ts'
import { drawn, recogniser } from './recogniser.ts'
import type { Task } from './task.ts'
import type { Half } from './words.ts'

/** Faces with Chinese characters, of two Debian packages. */
const FACES = {
  calibration: { name: 'fonts-droid-fallback', file: '/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf' },
  evaluation: { name: 'fonts-wqy-zenhei', file: '/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc' },
} as const

/** PP-OCRv4's recogniser on drawn Chinese words of two to six of the 3,755 commonest characters. */
export const recogniserChinese: Task = {
  ...recogniser,
  name: 'recogniser-chinese',
  samples: 1000,
  calibration: words('calibration', 128),
  evaluation: (count) => words('evaluation', count),
  async prepare(log) {
    for (const { name, file } of Object.values(FACES)) await fetchDebian(name, file, log)
  },
}

function words(half: Half, count: number): Dataset {
  const { name, file } = FACES[half]
  const options = { seed: `chinese/${half}`, words: wordsOf(half), faces: [name], count }
  const { key, length, samples } = drawn(options)
  return defineDataset({
    key,
    ...(length !== undefined && { length }),
    samples() {
      registerFace(name, debianFile(file))
      return samples()
    },
  })
}

/** Words drawn by chance; every second character calibrates, the others are read. */
function wordsOf(half: Half): string[] {
  const characters = common().filter((_, index) => (index % 2 === 0) === (half === 'calibration'))
  const random = createRandom(`chinese/${half}`)
  return Array.from({ length: 20000 }, () =>
    Array.from({ length: 2 + random.integer(5) }, () => characters[random.integer(characters.length)]!).join(''),
  )
}

/** GB 2312's first level: rows 16 to 55, the last of which has 89 characters. */
function common(): string[] {
  const decoder = new TextDecoder('gb18030')
  return Array.from({ length: 40 * 94 - 5 }, (_, index) =>
    decoder.decode(Uint8Array.of(0xb0 + Math.floor(index / 94), 0xa1 + (index % 94))),
  )
}
