import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** English words of 4 to 12 letters. */
const ALL = (require('an-array-of-english-words') as string[]).filter((word) => /^[a-z]{4,12}$/.test(word))

/** Every second word calibrates, the others are read. */
export const WORDS = {
  calibration: ALL.filter((_, index) => index % 2 === 0),
  evaluation: ALL.filter((_, index) => index % 2 === 1),
} as const

/** Faces that calibrate, and others that are read: files of `dejavu-fonts-ttf`. */
export const FACES = {
  calibration: [
    ...['DejaVuSans', 'DejaVuSans-BoldOblique', 'DejaVuSansCondensed', 'DejaVuSerif-Bold'],
    ...['DejaVuSerifCondensed-Italic', 'DejaVuSansMono-Bold'],
  ],
  evaluation: [
    ...['DejaVuSans-Bold', 'DejaVuSans-Oblique', 'DejaVuSansCondensed-Bold', 'DejaVuSerif'],
    ...['DejaVuSerif-Italic', 'DejaVuSansMono'],
  ],
} as const

export type Half = keyof typeof WORDS
