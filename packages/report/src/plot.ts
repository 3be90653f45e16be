import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import type { Point, Points } from './points.ts'
import { Html } from './html.ts'

/** Decibels above all others at which what is exact is drawn. */
const ABOVE = 10
/** Where only exact ones are there. */
const ALONE = 60

/** Widths in pixels; the page shows the one that fits. */
const SIZES = { wide: { width: 760, height: 340 }, narrow: { width: 340, height: 320 } } as const

/** Colours and signs by kind; the page's style gives the colours for light and dark. */
const KINDS = {
  original: { fill: 'var(--ink-soft)', symbol: 'square' },
  variant: { fill: 'var(--accent)', symbol: 'circle' },
  trial: { fill: 'var(--faint)', symbol: 'circle' },
} as const

interface Mark extends Point {
  readonly kilobytes: number
  readonly y: number
  readonly text: string
  /** Pixels by which the text is moved, so that texts do not lie on one another. */
  readonly dy: number
}

/** Draws bytes against quality, as SVG that needs no script: once for wide screens and once for phones. */
export function plotOf(points: Points, size: keyof typeof SIZES): Html {
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const { width, height } = SIZES[size]
  const marks = marksOf(points, height)
  const hasExact = points.points.some(({ value }) => value === null)
  const top = Math.max(...marks.map(({ y }) => y))
  const chart = Plot.plot({
    document: document as never,
    width,
    height,
    marginTop: 36,
    marginLeft: size === 'wide' ? 56 : 44,
    marginRight: 24,
    marginBottom: 44,
    style: { background: 'none', color: 'var(--ink)', fontFamily: 'inherit', fontSize: '13px', overflow: 'visible' },
    x: {
      label: 'kB after brotli',
      labelAnchor: 'center',
      labelArrow: 'none',
      grid: true,
      zero: true,
      nice: true,
      ticks: size === 'wide' ? 8 : 4,
    },
    y: {
      label: points.axis.label,
      labelArrow: 'none',
      grid: true,
      nice: true,
      ticks: 6,
      inset: 8,
      ...(hasExact ? { tickFormat: (value: number) => (value > top - 1e-9 ? 'exact' : String(value)) } : {}),
    },
    marks: [
      Plot.ruleX(
        marks.filter(({ interval }) => interval),
        {
          x: 'kilobytes',
          y1: (mark: Mark) => mark.interval![0],
          y2: (mark: Mark) => mark.interval![1],
          stroke: 'var(--accent)',
          strokeWidth: 1.5,
        },
      ),
      ...Object.entries(KINDS).map(([kind, { fill, symbol }]) =>
        Plot.dot(
          marks.filter((mark) => mark.kind === kind),
          {
            x: 'kilobytes',
            y: 'y',
            fill,
            symbol,
            r: 5,
            stroke: 'var(--paper)',
            strokeWidth: 1,
            title: (mark: Mark) => mark.names.join(', '),
          },
        ),
      ),
      ...marks.map((mark) =>
        Plot.text([mark], {
          x: 'kilobytes',
          y: 'y',
          text: 'text',
          dy: mark.dy,
          dx: mark.kilobytes > Math.max(...marks.map(({ kilobytes }) => kilobytes)) * 0.7 ? -9 : 9,
          textAnchor: mark.kilobytes > Math.max(...marks.map(({ kilobytes }) => kilobytes)) * 0.7 ? 'end' : 'start',
          fill: 'var(--ink)',
          stroke: 'var(--paper)',
          strokeWidth: 4,
        }),
      ),
    ],
  }) as unknown as { outerHTML: string; setAttribute(name: string, value: string): void }
  chart.setAttribute('role', 'img')
  chart.setAttribute('aria-label', describe(points))
  return new Html(chart.outerHTML)
}

/** The plot in words, for those who do not see it; the table beside it has the figures. */
function describe({ axis, points }: Points): string {
  const texts = points.map(({ names, brotli, value }) => {
    const level = value === null ? 'exact' : String(Number(value.toPrecision(4)))
    return `${names.join(', ')}: ${(brotli / 1000).toFixed(1)} kB, ${level}`
  })
  return `Bytes after brotli against ${axis.label}. ${texts.join('; ')}.`
}

function marksOf({ points }: Points, height: number): Mark[] {
  const numbers = points.flatMap(({ value }) => (value === null ? [] : [value]))
  const exact = numbers.length > 0 ? Math.ceil(Math.max(...numbers) / 10) * 10 + ABOVE : ALONE
  const marks = points.map((point) => ({ ...point, kilobytes: point.brotli / 1000, y: point.value ?? exact, text: labelOf(point), dy: 0 }))
  const [low, high] = [Math.min(...marks.map(({ y }) => y)), Math.max(...marks.map(({ y }) => y))]
  const most = Math.max(...marks.map(({ kilobytes }) => kilobytes)) || 1
  // From the top down, a text goes below those that it would lie on.
  const placed: { x: number; at: number }[] = []
  return [...marks]
    .sort((a, b) => b.y - a.y)
    .map((mark) => {
      const natural = ((high - mark.y) / (high - low || 1)) * (height - 96)
      let at = natural
      while (placed.some((other) => Math.abs(other.at - at) < 16 && Math.abs(other.x - mark.kilobytes) < most * 0.45)) at += 4
      placed.push({ x: mark.kilobytes, at })
      return { ...mark, dy: Math.round(at - natural) }
    })
}

/** Trials are many, and have no text. */
function labelOf({ kind, names }: Point): string {
  if (kind === 'trial') return ''
  return names.length > 2 ? `${names[0]} and ${names.length - 1} more` : names.join(', ')
}
