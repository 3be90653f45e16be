import { type Form, type Kernel, costOf, product } from './form.ts'

/** A way to write a layer, with its ranks. */
export interface Choice {
  readonly form: Form
  readonly ranks: readonly number[]
  readonly parameters: number
  /** For each output position. */
  readonly macs: number
  /** Share of what the layer gives that is lost. */
  readonly lost: number
}

/** What of a layer its choices depend on. */
export interface Offer {
  readonly kernel: Kernel
  readonly forms: readonly Form[]
  /** Whether the layer multiplies: a table does not, and a matrix behind it is work that there was not. */
  readonly multiplies: boolean
}

export interface Limits {
  readonly gain: number
  readonly multiple: number
}

/** Along a rank so many are tried at most. */
const STEPS = 64
/** And so many along each of two. */
const STEPS_OF_TWO = 24

/** All choices with which a layer has fewer weights and multiplications, by at least `gain`. */
export function choicesOf(offer: Offer, limits: Limits): Choice[] {
  return offer.forms.flatMap((form) => {
    const steps = form.full.map((full) => ranksUpTo(full, limits.multiple, form.full.length === 1 ? STEPS : STEPS_OF_TWO))
    const grid = steps.reduce<number[][]>((all, ranks) => all.flatMap((some) => ranks.map((rank) => [...some, rank])), [[]])
    return grid.flatMap((ranks) => choiceAt(offer, form, ranks, limits) ?? [])
  })
}

/** The choice for a share of the rank: of the forms, the one that loses least for what it saves. */
export function choiceOfRank(offer: Offer, share: number, limits: Limits): Choice | undefined {
  const price = ({ lost, macs, parameters }: Choice): number => lost / (1 - (offer.multiplies ? macs : parameters) / sizeOf(offer.kernel))
  return offer.forms
    .flatMap(
      (form) =>
        choiceAt(
          offer,
          form,
          form.full.map((full) => nearest(full * share, limits.multiple)),
          limits,
        ) ?? [],
    )
    .reduce<Choice | undefined>((best, choice) => (best && price(best) <= price(choice) ? best : choice), undefined)
}

/** The choice of fewest multiplications that keeps a share of the energy. */
export function choiceOfEnergy(offer: Offer, share: number, limits: Limits): Choice | undefined {
  const cost = ({ macs, parameters }: Choice): number => (offer.multiplies ? macs : parameters)
  return choicesOf(offer, limits)
    .filter(({ lost }) => lost <= 1 - share)
    .reduce<Choice | undefined>((best, choice) => (best && cost(best) <= cost(choice) ? best : choice), undefined)
}

export function sizeOf({ outputs, inputs, extents }: Kernel): number {
  return outputs * inputs * product(extents)
}

function choiceAt({ kernel, multiplies }: Offer, form: Form, ranks: readonly number[], { gain }: Limits): Choice | undefined {
  if (ranks.some((rank, at) => rank >= form.full[at]!)) return undefined
  const dims = form.dims(ranks)
  // Where a stage gives more than it could be told apart by, there is less to gain than with the next rank below.
  if (dims.some(([outputs, ...inputs]) => outputs! > product(inputs) && outputs !== kernel.outputs)) return undefined
  const { parameters, macs } = costOf(dims, kernel)
  const most = (1 - gain) * sizeOf(kernel)
  if (parameters > most || (multiplies && macs > most)) return undefined
  return { form, ranks, parameters, macs, lost: form.lost(ranks) }
}

function ranksUpTo(full: number, multiple: number, steps: number): number[] {
  const count = Math.ceil(full / multiple) - 1
  const stride = Math.max(1, Math.ceil(count / steps))
  return Array.from({ length: Math.floor(count / stride) }, (_, index) => (index + 1) * stride * multiple)
}

function nearest(rank: number, multiple: number): number {
  return Math.max(multiple, Math.round(rank / multiple) * multiple)
}
