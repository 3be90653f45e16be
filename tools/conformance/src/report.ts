import type { Verdict } from './check.ts'

/** One line of the table. */
export interface Line {
  readonly what: string
  readonly count: number
  readonly of: number
  readonly ok: boolean
  readonly failures: readonly string[]
}

/** Share of declared output shapes that inference has to reach. */
const REACHED = 0.95

export function lines(verdicts: readonly Verdict[]): Line[] {
  const line = (what: string, among: readonly Verdict[], of: (verdict: Verdict) => true | string): Line => {
    const failures = among.flatMap((verdict) => {
      const found = of(verdict)
      return found === true ? [] : [`${verdict.name} (opset ${verdict.opset}): ${found}`]
    })
    return { what, count: among.length - failures.length, of: among.length, ok: failures.length === 0 && among.length > 0, failures }
  }
  const running = verdicts.filter(({ runs }) => runs === true)
  const passing = running.filter(({ passes }) => passes)
  const declared = verdicts.reduce((sum, { shapes }) => sum + shapes.declared, 0)
  const byShapes = verdicts.reduce((sum, { shapes }) => sum + shapes.reachedByShapes, 0)
  const contradicted = verdicts.flatMap(({ name, shapes }) => shapes.contradicted.map((text) => `${name}: ${text}`))
  const missed = verdicts.flatMap(({ name, shapes }) => shapes.missed.map((text) => `${name}: ${text}`))
  return [
    line('written back without an upgrade, equal as protobuf', verdicts, ({ equal }) => equal),
    line('upgraded, equal in outputs, of those that onnxruntime-node runs', running, ({ upgraded }) => upgraded),
    line(
      'upgraded or refused by name, of those that it does not run',
      verdicts.filter(({ runs }) => runs !== true),
      ({ upgraded }) => upgraded,
    ),
    {
      what: 'inferred shapes that contradict declared outputs',
      count: contradicted.length,
      of: declared,
      ok: contradicted.length === 0,
      failures: contradicted,
    },
    {
      what: 'declared output shapes reached, what small inputs hold being known',
      count: declared - missed.length,
      of: declared,
      ok: declared - missed.length >= REACHED * declared,
      failures: missed,
    },
    { what: 'of these, from the shapes of the inputs alone', count: byShapes, of: declared, ok: true, failures: [] },
    line('simplified, equal in outputs, of those that onnxruntime-node passes', passing, ({ simplified }) => simplified),
  ]
}

export function print(rows: readonly Line[], verdicts: readonly Verdict[]): void {
  for (const { what, failures } of rows) {
    if (failures.length > 0) console.log(`\n${what}: ${failures.length} to name`)
    for (const failure of failures) console.log(`  ${failure}`)
  }
  const opsets = verdicts.map(({ opset }) => opset)
  console.log(`\n${verdicts.length} models, opsets ${Math.min(...opsets)} to ${Math.max(...opsets)}`)
  for (const { what, count, of, ok } of rows)
    console.log(`${ok ? 'ok  ' : 'FAIL'} ${String(count).padStart(5)} of ${String(of).padStart(4)} (${percent(count, of)})  ${what}`)
}

const percent = (count: number, of: number): string => `${((100 * count) / (of || 1)).toFixed(1)} %`.padStart(7)
