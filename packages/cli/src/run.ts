import { createRequire } from 'node:module'
import { WhittleError, messageOf } from '@whittle/compiler'
import { Command, CommanderError, Option } from 'commander'
import { type CompareOptions, ENGINES, compareCommand } from './commands/compare.ts'
import { type CompressOptions, compressCommand } from './commands/compress.ts'
import { inspectCommand } from './commands/inspect.ts'
import { type ReportOptions, reportCommand } from './commands/report.ts'
import type { Io } from './io.ts'

/**
 * Runs the `whittle` command.
 * @param argv the arguments, without the program's name.
 * @returns the exit code: 0, 1 after an error, 2 after a wrong call, 130 after an abort. Never throws.
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  try {
    await programFor(io).parseAsync(argv, { from: 'user' })
    return 0
  } catch (error) {
    // Help and the version are an "error" of code 0; what commander has to say it has written.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (io.signal?.aborted) {
      io.stderr.write('whittle: interrupted\n')
      return 130
    }
    const debug = (io.env ?? process.env).DEBUG === 'whittle'
    io.stderr.write(`whittle: ${debug && error instanceof Error ? error.stack : textOf(error)}\n`)
    return 1
  }
}

/** Errors that are not ours are faults: say how to see more. */
function textOf(error: unknown): string {
  return error instanceof WhittleError ? error.message : `${messageOf(error)} (set DEBUG=whittle to see where)`
}

const MODEL = 'an .onnx or .tflite file, or the model.json of TensorFlow.js'

function programFor(io: Io): Command {
  const { version } = createRequire(import.meta.url)('../package.json') as { version: string }
  const program = new Command('whittle')
    .description('Makes neural networks small for the browser.')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'whittle: ')),
    })
    .showHelpAfterError('Run whittle --help for the commands.')
  program
    .command('compress')
    .description('compress a model as an import would, and show what came of it')
    .argument('<model>', MODEL)
    .argument('<query>', "directives as in an import, quoted: 'int8&prune=0.3'")
    .option('--calibrate <path>', 'a module whose default export is a Dataset, or a folder of .npz files')
    .option('--target <names>', 'wasm, webgpu, webnn, ...; several with commas')
    .addOption(new Option('--emit <form>', 'write each variant as a self-contained .onnx file').choices(['onnx']))
    .option('--out <folder>', 'where to write (default: the working directory)')
    .option('--no-cache', 'neither read nor write the cache')
    .option('--json', 'print one JSON object')
    .action((model: string, query: string, options: CompressOptions) => compressCommand(model, query, options, io))
  program
    .command('inspect')
    .description('show what is in a model')
    .argument('<model>', MODEL)
    .option('--json', 'print one JSON object')
    .action((model: string, options: { json?: boolean }) => inspectCommand(model, options, io))
  program
    .command('compare')
    .description('run two models on the same samples and compare their outputs')
    .argument('<a>', `the reference, ${MODEL}`)
    .argument('<b>', `the model that is judged, ${MODEL}`)
    .requiredOption('--data <path>', 'a folder of .npz files, one a sample, or a module whose default export is a Dataset')
    .addOption(new Option('--engine <name>', 'what runs them').choices(Object.keys(ENGINES)).default('wasm'))
    .option('--json', 'print one JSON object')
    .action((a: string, b: string, options: CompareOptions) => compareCommand(a, b, options, io))
  program
    .command('report')
    .description('compress models as imports would, and write what came of it: a page, Markdown, JSON')
    .argument('<import...>', "models with their directives, quoted: 'net.onnx?int8&prune=0.3'")
    .option('--html <file>', 'one page that needs no network')
    .option('--markdown <file>', 'a summary for a pull request; printed where no file is named')
    .option('--json <file>', 'all that the page says, for scripts')
    .option('--no-cache', 'neither read nor write the cache')
    .action((imports: string[], options: ReportOptions) => reportCommand(imports, options, io))
  return program
}
