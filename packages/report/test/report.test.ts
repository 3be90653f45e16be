import { type CompileResult, bytesText } from '@whittle/compiler'
import { parseHTML } from 'linkedom'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { plotOf, pointsOf, reportHtml, reportJson, reportMarkdown } from '../src/index.ts'
import { HOSTILE, compiled, net } from './project.ts'

const clean: (() => Promise<void>)[] = []
afterAll(() => Promise.all(clean.map((run) => run())))

let result: CompileResult
let document: Document
beforeAll(async () => {
  result = await compiled(net(), 'int8;fp16&target=wasm;webgpu', (run) => clean.push(run))
  document = parseHTML(await reportHtml([result])).document
})

const texts = (selector: string, within: ParentNode = document): string[] =>
  [...within.querySelectorAll(selector)].map((element) => element.textContent!.replace(/\s+/g, ' ').trim())

function tableOf(caption: string): HTMLTableElement {
  const found = [...document.querySelectorAll('caption')].find((element) => element.textContent!.trim() === caption)
  return (found ?? expect.unreachable(`no table '${caption}' among ${texts('caption').join('; ')}`)).parentElement as HTMLTableElement
}

describe('the page', () => {
  it('has one title, headings without gaps, and a head for every column', () => {
    expect(document.title).toBe('Whittle: net.onnx?int8;fp16&target=wasm;webgpu')
    const levels = [...document.querySelectorAll('h1, h2, h3, h4')].map(({ tagName }) => Number(tagName[1]))
    expect(levels.filter((level) => level === 1)).toHaveLength(1)
    levels.forEach((level, index) => expect(level - (levels[index - 1] ?? 0)).toBeLessThanOrEqual(1))
    for (const table of document.querySelectorAll('table')) {
      const heads = [...table.querySelectorAll('thead th')]
      expect(heads.every((head) => head.getAttribute('scope') === 'col' && head.textContent!.trim() !== '')).toBe(true)
      for (const row of table.querySelectorAll('tbody tr')) {
        expect(row.children).toHaveLength(heads.length)
        expect(row.children[0]!.getAttribute('scope')).toBe('row')
      }
    }
    expect(document.documentElement.getAttribute('lang')).toBe('en')
  })

  it('names nothing outside of itself', () => {
    for (const element of document.querySelectorAll('[src], [href], link, iframe, object'))
      expect(element.getAttribute('href')).toMatch(/^#/)
    expect(document.querySelectorAll('style').item(0)!.textContent).not.toMatch(/url\(|@import/)
    const policy = document.querySelector('meta[http-equiv="Content-Security-Policy"]')!.getAttribute('content')
    expect(policy).toMatch(/^default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-[\w+/]{43}='/)
  })

  it('says what was asked, and what came out of it', () => {
    expect(texts('tbody th', tableOf('Directives of the import'))).toEqual(['int8;fp16', 'target=wasm;webgpu'])
    const rows = [...tableOf('Variants').querySelectorAll('tbody tr')].map((row) => texts('th, td', row))
    expect(rows.map(([name, target]) => [name, target])).toEqual([
      ['the original', ''],
      ...result.report.variants.map(({ id, target }) => [id, target]),
    ])
    result.report.variants.forEach(({ brotli }, index) =>
      expect(rows[index + 1]![3]!.replace(/\s/, ' ')).toBe(brotli < 1000 ? `${brotli} B` : bytesText(brotli)),
    )
    expect(texts('.warnings li').join()).toContain('weights only: give calibrate= to compute in int8')
    expect(texts('tbody th', tableOf('Quality by output'))).toEqual(['y'])
    expect(texts('tbody th', tableOf('Where nodes run'))).toEqual(result.report.variants.map(({ id }) => id))
  })

  it('shows the layers of each file once, with figures to sort by', () => {
    const captions = texts('caption').filter((caption) => caption.startsWith('Layers of'))
    expect(captions).toHaveLength(result.artefacts.length)
    expect(captions.join().match(/int8-wasm|fp16-wasm|int8-webgpu|fp16-webgpu/g)).toHaveLength(4)
    const rows = [...tableOf(captions[0]!).querySelectorAll('tbody tr')]
    expect(rows.map((row) => texts('th, td', row).slice(0, 4))).toEqual([
      ['first_w', 'Conv', '32×16×3×3', '8'],
      ['last_w', 'Gemm', '32×10', '8'],
    ])
    for (const row of rows)
      for (const cell of [...row.children].slice(3, 9)) expect(Number(cell.getAttribute('data-by'))).toBeGreaterThanOrEqual(0)
    expect(texts('tbody th', tableOf('Ops before and after, ' + captions[0]!.slice('Layers of '.length)))).toEqual(
      expect.arrayContaining(['Conv', 'Relu', 'Gemm', 'Cast', 'Mul']),
    )
  })

  it('draws the original and each file, for wide screens and for phones', () => {
    const { points } = pointsOf(result)
    expect(points).toHaveLength(1 + result.artefacts.length)
    const plots = [...document.querySelectorAll('figure svg')]
    expect(plots.map((plot) => plot.querySelectorAll('[aria-label=dot] > *').length)).toEqual([points.length, points.length])
    for (const plot of plots) expect(plot.getAttribute('aria-label')).toContain('the original')
  })

  it('of a model that is gone says what is missing, and all else', async () => {
    const gone: (() => Promise<void>)[] = []
    const other = await compiled(net(), 'fp16&target=wasm', (run) => gone.push(run))
    for (const run of gone) await run()
    const page = parseHTML(await reportHtml([other, result])).document
    expect(texts('p', page).join('\n')).toMatch(/What the files hold is missing: .*net\.onnx: it was moved or deleted/)
    expect(texts('h2', page)).toEqual(['net.onnx?fp16&target=wasm', 'net.onnx?int8;fp16&target=wasm;webgpu'])
    expect(texts('a', page)).toEqual(texts('h2', page))
  })
})

describe('the plot', () => {
  it('takes trials of a search as more points, and intervals of accuracy', () => {
    const points = [
      { kind: 'original', names: ['the original'], brotli: 9000, value: 0.95 },
      { kind: 'variant', names: ['int8-wasm'], brotli: 3000, value: 0.94, interval: [0.93, 0.95] },
      ...Array.from(
        { length: 30 },
        (_, index) => ({ kind: 'trial', names: [`trial ${index}`], brotli: 2000 + 100 * index, value: 0.9 + index / 1000 }) as const,
      ),
    ] as const
    const svg = parseHTML(plotOf({ axis: { label: 'words', higherIsBetter: true }, points }, 'wide').text).document
    expect(svg.querySelectorAll('[aria-label=dot] > *')).toHaveLength(32)
    expect(svg.querySelectorAll('[aria-label=rule] line')).toHaveLength(1)
    // Trials are told apart by where they are, not by names over one another.
    expect(texts('[aria-label=text]', svg).filter(Boolean)).toEqual(expect.arrayContaining(['the original', 'int8-wasm']))
    expect(texts('[aria-label=text]', svg).filter((text) => text.startsWith('trial'))).toEqual([])
  })
})

describe('beside the page', () => {
  it('the Markdown is a table for each import, and what has to be seen', () => {
    const lines = reportMarkdown([result, result]).split('\n')
    expect(lines.filter((line) => line === '### `net.onnx?int8;fp16&target=wasm;webgpu`')).toHaveLength(2)
    expect(
      lines.filter((line) => /^\| `(int8|fp16)-(wasm|webgpu)` \| [\d.]+ k?B \| [\d.]+ k?B \| [\d.]+ % \| ([\d.]+ dB|exact) \|$/.test(line)),
    ).toHaveLength(8)
    expect(lines.filter((line) => line.startsWith('- `int8-wasm`: weights only'))).toHaveLength(2)
  })

  it('the JSON holds all but bytes and paths of this machine', async () => {
    const text = JSON.stringify(await reportJson([result]))
    const { format, imports } = JSON.parse(text)
    expect(format).toBe(1)
    expect(imports[0].report).toEqual(JSON.parse(JSON.stringify(result.report)))
    expect(imports[0].artefacts).toEqual(result.artefacts.map(({ name, sha256, bytes }) => ({ name, sha256, bytes: bytes.byteLength })))
    expect(Object.keys(imports[0].layers.files)).toEqual(result.artefacts.map(({ sha256 }) => sha256))
    expect(text).not.toContain(result.watch[0])
  })
})

it('names of an enemy are shown as they are, and do nothing', async () => {
  const hostile = await compiled(net(true), 'fp16&target=wasm')
  const page = await reportHtml([hostile])
  const { document } = parseHTML(page)
  expect(document.querySelectorAll('script')).toHaveLength(1)
  expect(document.querySelectorAll('img')).toHaveLength(0)
  expect(texts('tbody th', document)).toEqual(expect.arrayContaining([HOSTILE.weight, HOSTILE.output]))
  expect(texts('.nodes .name', document)).toContain(HOSTILE.node)
  expect(page).not.toContain(HOSTILE.weight)
  expect(page).not.toContain(HOSTILE.node)
})
