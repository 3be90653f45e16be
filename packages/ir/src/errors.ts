/**
 * Every error that Whittle throws on purpose. A message says what is wrong, where, and what to do; `code` is permanent and may be
 * matched by programs.
 */
export class WhittleError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(oneLine(message), options)
    this.name = new.target.name
    this.code = code
  }
}

const LONGEST = 2000

/** Names come from files: they may hold line breaks and control characters, and be as long as the file. */
function oneLine(message: string): string {
  const line = message.replace(/[\0-\x1f\x7f\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 300)} ... ${line.slice(-250)}` : line
}

/** The model itself is malformed: truncated, cyclic, wrong sizes, missing inputs. */
export class ModelError extends WhittleError {}

/** The model or the request is valid, and this version of Whittle cannot handle it. */
export class UnsupportedError extends WhittleError {}

/** An option or a directive is unknown, contradictory or out of range. */
export class OptionError extends WhittleError {}

/** A transform failed, or left the model invalid. */
export class TransformError extends WhittleError {}

/** A dataset yields nothing, or samples that do not fit the model. */
export class DatasetError extends WhittleError {}

/** A budget (`max=`, `drop=`, `sqnr=`) does not hold. */
export class BudgetError extends WhittleError {}

/** The one form of an option's error: `prune: expected a number in (0, 1) for ratio, received '3x'`. */
export function invalidOption(owner: string, name: string, expected: string, received: unknown): OptionError {
  const shown = typeof received === 'string' ? `'${received}'` : String(received)
  return new OptionError('OPTION_INVALID', `${owner}: expected ${expected} for ${name}, received ${shown}`)
}

/** The message of anything that was thrown, without its stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
