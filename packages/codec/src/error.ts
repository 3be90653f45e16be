/** What is wrong with a weight file; permanent, so programs may match it. */
export type WeightFileCode = 'WEIGHT_FILE_CUT' | 'WEIGHT_FILE_CORRUPT' | 'WEIGHT_FILE_NEWER' | 'WEIGHT_FILE_TOO_LARGE' | 'WEIGHT_FILE_BASE'

/** A weight file that cannot be read: cut, damaged, of a newer version, over the limit, or without the tensors that it builds on. */
export class WeightFileError extends Error {
  readonly code: WeightFileCode

  constructor(code: WeightFileCode, message: string) {
    super(`weight file: ${message}`)
    this.name = 'WeightFileError'
    this.code = code
  }
}

export function corrupt(what: string): WeightFileError {
  return new WeightFileError('WEIGHT_FILE_CORRUPT', `${what}; fetch it again`)
}

/** A name from a file, on one line. */
export const shown = (name: string): string => JSON.stringify(name.slice(0, 200)).replace(/[\x7f\u2028\u2029]/g, '?')
