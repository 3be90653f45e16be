import { BudgetError } from '@whittle/ir'
import type { Request } from './directives/directive.ts'
import type { Quality, VariantReport } from './types.ts'

/** @throws {BudgetError} naming the variant, what it takes or gives, and what was allowed. */
export function checkBudgets({ max, sqnr }: Request, reports: readonly VariantReport[]): void {
  for (const { id, brotli, quality, accuracy } of reports) {
    if (max !== undefined && brotli > max)
      throw new BudgetError(
        'BUDGET_MAX',
        `variant ${id} takes ${brotli} bytes after brotli, and max= allows ${max}: ${
          accuracy?.fallback
            ? `drop=${accuracy.drop} does not hold with less than ${accuracy.fallback.join('&')}; allow more bytes or a greater drop`
            : 'ask for fewer bits or more pruning, or allow more'
        }`,
      )
    for (const [output, { sqnr: measured }] of Object.entries(quality))
      if (sqnr !== undefined && measured !== null && measured < sqnr)
        throw new BudgetError(
          'BUDGET_SQNR',
          `output '${output}' of variant ${id} has an SQNR of ${measured.toFixed(1)} dB, and sqnr= asks for ${sqnr}: ask for more bits or less pruning`,
        )
  }
}

/** The least SQNR of all outputs, in dB; infinite when all are equal. */
export function worstSqnr(quality: Readonly<Record<string, Quality>>): number {
  return Math.min(...Object.values(quality).map(({ sqnr }) => sqnr ?? Infinity))
}
