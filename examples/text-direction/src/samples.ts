/** A picture that the page offers, and how `scripts/prepare.mjs` draws it. */
export interface Sample {
  /** The file is `samples/NAME.png`. */
  readonly name: string
  readonly text: string
  readonly turned: boolean
  /** A face of `dejavu-fonts-ttf`. */
  readonly face: string
  /** Height of the letters, in pixels. */
  readonly size: number
  readonly paper: string
  readonly ink: string
  /** Standard deviation of the grain, in levels of 255. */
  readonly grain: number
}

export const samples: readonly Sample[] = [
  { name: 'harbor', text: 'harbor lights', turned: false, face: 'DejaVuSerif', size: 44, paper: '#f7f2e7', ink: '#1f2a44', grain: 5 },
  {
    name: 'bakery',
    text: 'Fresh bread',
    turned: true,
    face: 'DejaVuSerif-BoldItalic',
    size: 46,
    paper: '#fbe3b8',
    ink: '#6b2d12',
    grain: 7,
  },
  {
    name: 'platform',
    text: 'PLATFORM nine',
    turned: false,
    face: 'DejaVuSansCondensed-Bold',
    size: 42,
    paper: '#14325c',
    ink: '#f4f6fa',
    grain: 6,
  },
  { name: 'ledger', text: 'paid monthly', turned: true, face: 'DejaVuSansMono', size: 36, paper: '#eef3ee', ink: '#23402f', grain: 10 },
  { name: 'garden', text: 'Kitchen garden', turned: true, face: 'DejaVuSans', size: 40, paper: '#dfeccf', ink: '#2c4a1c', grain: 9 },
  {
    name: 'board',
    text: 'Daily special',
    turned: false,
    face: 'DejaVuSans-Oblique',
    size: 42,
    paper: '#2a2d2b',
    ink: '#e8e4d8',
    grain: 14,
  },
]
