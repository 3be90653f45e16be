import type { Directive } from './directive.ts'

/** How the name of a dataset looks. */
export const DATASET = 'the path of a module, of a folder of .npz files, or the name of a dataset in whittle.config'

/** A directive whose value names something that is looked for later: it stands in the request as it is written. */
export function naming(
  name: 'calibrate' | 'train' | 'teacher' | 'evaluate' | 'metric',
  value: string,
  meaning: string,
  example: string,
): Directive {
  return {
    name,
    value,
    meaning,
    example,
    apply(text, _, request) {
      request[name] = text
      return text !== ''
    },
  }
}
