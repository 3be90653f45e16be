import { type ModelSummary, type Port, describePort, inspect } from '@whittle/compiler'
import { bytesText, colorsFor, countText, jsonText, tableText } from '../format.ts'
import { type Io, pathFrom } from '../io.ts'

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
      '',
    ]
      .join('\n\n')
      .trimEnd() + '\n'
  )
}
