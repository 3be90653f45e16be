import { type Forecast, type ModelSummary, type Port, describePort, inspect } from '@whittle/compiler'
import { type Colors, bytesText, colorsFor, countText, jsonText, tableText } from '../format.ts'
import { type Io, pathFrom } from '../io.ts'

/** Reasons that are shown. */
const MOST_REASONS = 6

/** `whittle inspect MODEL`. */
export async function inspectCommand(model: string, options: { json?: boolean }, io: Io): Promise<void> {
  const summary = await inspect(pathFrom(io, model))
  io.stdout.write(options.json ? jsonText(summary) : toText(summary, io))
}

function toText(summary: ModelSummary, io: Io): string {
  const colors = colorsFor(io)
  const port = (kind: string) => (port: Port) => [kind, port.name, describePort(port)]
  const facts = [
    ['file', summary.file],
    ['bytes', `${bytesText(summary.bytes)} (brotli ${bytesText(summary.brotli)})`],
    ['producer', summary.producer || 'not said'],
    [
      'opsets',
      Object.entries(summary.opsets)
        .map(([domain, version]) => `${domain} ${version}`)
        .join(', '),
    ],
    ['parameters', countText(summary.parameters)],
    ['MACs', summary.macs === null ? 'unknown: dimensions beside the batch are free' : `${countText(summary.macs)} at batch 1`],
  ]
  const weights = Object.entries(summary.weights).map(([type, { tensors, elements, bytes }]) => [
    type,
    countText(tensors),
    countText(elements),
    bytesText(bytes),
  ])
  const ops = Object.entries(summary.ops).map(([op, count]) => [op, countText(count)])
  return (
    [
      facts.map(([name, value]) => `${colors.bold(name!.padEnd(11))} ${value}`).join('\n'),
      tableText(['', 'name', 'type'], [...summary.inputs.map(port('input')), ...summary.outputs.map(port('output'))], colors),
      tableText(['constants', 'tensors', 'elements', 'bytes'], weights, colors, [1, 2, 3]),
      tableText(['op', 'nodes'], ops, colors, [1]),
      targetsText(summary.targets, colors),
      '',
    ]
      .join('\n\n')
      .trimEnd() + '\n'
  )
}

/** Where the nodes run, a line a target; then why some do not run where they were to. */
function targetsText(targets: readonly Forecast[], colors: Colors): string {
  const rows = targets.map(({ target, nodes, partitions, crossing, cost, verdict }) => [
    target,
    countText(nodes.provider),
    countText(nodes.cpu),
    countText(nodes.shape),
    countText(nodes.folded),
    countText(partitions),
    `${crossing.exact ? '' : 'at least '}${bytesText(crossing.bytes)}`,
    verdict === 'fails'
      ? 'fails'
      : cost
        ? cost.relative === null
          ? 'unknown'
          : `${cost.relative.toFixed(2)}${verdict === 'poor' ? ', poor' : ''}`
        : '',
  ])
  const head = ['target', 'nodes on it', 'on the CPU', 'sizes', 'folded', 'parts', 'copied in a run', 'waits, of wasm']
  const notes = [
    'All but wasm is forecast from the tables of onnxruntime-web, and untested.',
    'waits, of wasm: what crossings and nodes on the CPU take at least, against all on wasm; from 1 on the target is slower whatever it computes.',
    ...reasonsOf(targets),
  ]
  return `${tableText(head, rows, colors, [1, 2, 3, 4, 5, 6, 7])}\n\n${notes.map((note) => colors.dim(note)).join('\n')}`
}

/** Why nodes fall back, the most frequent first: a line for each reason, with the targets that share it. */
function reasonsOf(targets: readonly Forecast[]): string[] {
  const reasons = new Map<string, Map<string, number>>()
  for (const { target, fallbacks } of targets)
    for (const { why } of fallbacks) {
      const counts = reasons.get(why) ?? new Map<string, number>()
      reasons.set(why, counts.set(target, (counts.get(target) ?? 0) + 1))
    }
  const lines = [...reasons]
    .map(([why, counts]) => ({ why, names: [...counts.keys()].join(', '), nodes: Math.max(...counts.values()) }))
    .sort((a, b) => b.nodes - a.nodes)
    .map(({ why, names, nodes }) => `${names}: ${why} (${nodes} ${nodes === 1 ? 'node' : 'nodes'})`)
  return lines.length > MOST_REASONS
    ? [...lines.slice(0, MOST_REASONS), `and ${lines.length - MOST_REASONS} more reasons, with --json`]
    : lines
}
