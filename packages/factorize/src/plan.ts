import { type Context, type Model, UnsupportedError, macsOf, weightsOf } from '@whittle/ir'
import { collectGrams, inputsOf, sensitivities } from '@whittle/statistics'
import { type Bidder, spend } from './budget.ts'
import { chainsOf, layerWeight } from './chain.ts'
import { type Choice, type Offer, choiceOfEnergy, choiceOfRank, choicesOf, sizeOf } from './choose.ts'
import { formsOf } from './forms.ts'
import { type Layer, denseTensor, weightsMatrix } from './layers.ts'
import { type Spectrum, tail } from './low-rank.ts'
import { multiply } from './matrix.ts'
import { type Amount, type ResolvedOptions, amountOf } from './options.ts'
import { meanOf } from './shift.ts'

/** What becomes of each layer, and why nothing where nothing does. */
export interface Plan {
  readonly choices: ReadonlyMap<Layer, Choice>
  readonly kept: ReadonlyMap<Layer, string>
  /** Why a budget is not reached. */
  readonly short: string | undefined
}

/** A layer with its spectra. */
interface Analysed extends Offer {
  readonly layer: Layer
  readonly spectrum: Spectrum
}

/** Chooses each layer's form and ranks. */
export async function planOf(model: Model, layers: readonly Layer[], options: ResolvedOptions, context: Context): Promise<Plan> {
  const { amount, share } = amountOf(options)
  const offers = await analyse(model, layers, options, context)
  if (amount === 'parameters' || amount === 'macs') return await planOfBudget(model, offers, amount, share, options, context)
  const choices = new Map<Layer, Choice>()
  const kept = new Map<Layer, string>()
  for (const offer of offers) {
    const choice = amount === 'rank' ? choiceOfRank(offer, share, options) : choiceOfEnergy(offer, share, options)
    if (choice) choices.set(offer.layer, choice)
    else
      kept.set(
        offer.layer,
        `with ${amount === 'rank' ? `${share} of its rank` : `${share} of its energy`} it does not get smaller and faster by ${options.gain} of itself`,
      )
  }
  return { choices, kept, short: undefined }
}

/** At most so many elements of moments are measured in one go. */
const MOST_MOMENTS = 2 ** 25

async function analyse(model: Model, layers: readonly Layer[], options: ResolvedOptions, context: Context): Promise<Analysed[]> {
  const offers: Analysed[] = []
  for (const part of inParts(layers)) {
    const measured = part.filter((layer) => layer.measured).map(({ weight }) => weight.node)
    const grams = measured.length > 0 ? await collectGrams(model, measured, context) : undefined
    for (const layer of part) {
      context.signal?.throwIfAborted()
      const { weight, kernel } = layer
      const [gram] = (layer.measured && grams?.get(weight.node)) || []
      const moments = gram && inputsOf(gram, meanOf(weight.node, kernel.outputs) !== undefined)
      const found = formsOf({ kernel, weights: weightsMatrix(layer), moments }, options.form)
      offers.push({ layer, kernel, multiplies: weight.node.type !== 'Gather', ...found })
      context.onProgress?.({ step: 'finding ranks', done: offers.length, total: layers.length })
    }
  }
  return offers
}

function inParts(layers: readonly Layer[]): Layer[][] {
  const parts: Layer[][] = []
  let elements = Infinity
  for (const layer of layers) {
    const { kernel, measured } = layer
    const own = measured ? (sizeOf(kernel) / kernel.outputs) ** 2 : 0
    elements += own
    if (elements > MOST_MOMENTS) {
      parts.push([])
      elements = own
    }
    parts.at(-1)!.push(layer)
  }
  return parts
}

async function planOfBudget(
  model: Model,
  offers: readonly Analysed[],
  amount: Amount,
  share: number,
  options: ResolvedOptions,
  context: Context,
): Promise<Plan> {
  const { before, now, positions } = amount === 'macs' ? multiplications(model) : parametersOf(model)
  const saving = now - share * before
  const allChoices = offers.map((offer) => choicesOf(offer, options))
  const importances =
    options.method === 'data' && saving > 0 ? await importancesOf(model, offers, allChoices, share, context) : offers.map(() => 1)
  const bidders = offers.map((offer, index): Bidder => {
    const times = positions(offer.layer)
    return {
      choices: allChoices[index]!,
      cost: amount === 'macs' && !offer.multiplies ? 0 : sizeOf(offer.kernel) * times,
      costOf: (choice) => (amount === 'macs' ? choice.macs : choice.parameters) * times,
      importance: importances[index]!,
    }
  })
  const { choices: chosen, saved } = spend(bidders, saving)
  const choices = new Map<Layer, Choice>()
  const kept = new Map<Layer, string>()
  offers.forEach(({ layer }, index) => {
    const choice = chosen[index]
    if (choice) choices.set(layer, choice)
    else if (saving <= 0) kept.set(layer, `the model has no more than ${share} of its ${amount} already`)
    else if (allChoices[index]!.length === 0) kept.set(layer, `no rank makes it smaller and faster by ${options.gain} of itself`)
    else kept.set(layer, 'other layers lose less for as much')
  })
  const left = (now - saved) / before
  const short = saved < saving ? `${amount}: ${left.toFixed(3)} are left, more than ${share}, with all that can be factored` : undefined
  return { choices, kept, short }
}

/** What the model would have if layers that are of low rank already were one, what it has, and how often each layer counts. */
interface Total {
  readonly before: number
  readonly now: number
  positions(layer: Layer): number
}

function parametersOf(model: Model): Total {
  const sizes = new Map(weightsOf(model).map(({ value, tensor }) => [value, tensor.size]))
  const now = [...sizes.values()].reduce((a, b) => a + b, 0)
  const before = chainsOf(model).reduce((sum, { whole, parameters }) => sum + whole - parameters, now)
  return { before, now, positions: () => 1 }
}

function multiplications(model: Model): Total {
  const { total, byNode } = macsOf(model)
  if (total === undefined)
    throw new UnsupportedError(
      'MACS_UNKNOWN',
      'a share of macs needs inputs of fixed sizes; pin them with input=, or give a share of parameters',
    )
  const before = chainsOf(model).reduce((sum, { nodes, whole }) => {
    const last = nodes.at(-1)!
    const own = nodes.reduce((part, node) => part + (byNode.get(node) ?? 0), 0)
    return sum - own + whole * ((byNode.get(last) ?? 0) / layerWeight(last)!.tensor.size)
  }, total)
  return { before, now: total, positions: ({ weight, kernel }) => (byNode.get(weight.node) ?? 0) / sizeOf(kernel) }
}

/**
 * How much a layer's own loss matters: each is put into the model alone, with about the share of its weights that all shall have, and what arrives at
 * the outputs is divided by what it loses. Layers that cannot be put in so count as the others do on average.
 */
async function importancesOf(
  model: Model,
  offers: readonly Analysed[],
  choices: readonly (readonly Choice[])[],
  share: number,
  context: Context,
): Promise<number[]> {
  const places = new Map(model.graph.nodes.map((node, index) => [node, index]))
  const tried = offers.flatMap((offer, index) => {
    const at = places.get(offer.layer.weight.node)
    if (at === undefined || choices[index]!.length === 0) return []
    const { outputs } = offer.kernel
    const rank = Math.max(1, Math.round((share * sizeOf(offer.kernel)) / (outputs + sizeOf(offer.kernel) / outputs)))
    const lost = tail(offer.spectrum.energies, rank)
    return lost > 0 ? [{ offer, index, at, rank, lost }] : []
  })
  const measured = await sensitivities(
    model,
    tried.map(({ offer, at, rank, lost }) => ({ error: lost, apply: (copy) => cut(copy, at, offer, rank) })),
    context,
  )
  const known = measured.filter((factor) => factor > 0)
  const mean = known.length > 0 ? known.reduce((a, b) => a + b, 0) / known.length : 1
  const result = offers.map(() => mean)
  tried.forEach(({ index }, at) => (result[index] = measured[at]! > 0 ? measured[at]! : mean))
  return result
}

/** Gives the layer in a copy of the model a lower rank. */
function cut(copy: Model, at: number, { layer, spectrum }: Analysed, rank: number): void {
  const node = copy.graph.nodes[at]!
  const { first, second } = spectrum.factors(rank)
  node.graph.setTensor(node.inputs[layer.weight.input]!, denseTensor(layer, multiply(second, first)))
}
