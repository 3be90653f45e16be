import type { LayerRule } from './call.ts'
import { convLayers, poolLayers } from './conv.ts'
import { activationLayers, coreLayers, normalizationLayers, pictureLayers } from './core.ts'
import { knownCustomLayers } from './custom.ts'
import { mergeLayers } from './merge.ts'
import { recurrentLayers } from './recurrent.ts'

/** The layers that can be read, by family, in the order of the documentation. */
export const layerFamilies: readonly { readonly name: string; readonly rules: Readonly<Record<string, LayerRule>> }[] = [
  { name: 'Core', rules: coreLayers },
  { name: 'Convolutions', rules: convLayers },
  { name: 'Poolings', rules: poolLayers },
  { name: 'Normalizations', rules: normalizationLayers },
  { name: 'Activations', rules: activationLayers },
  { name: 'Merging', rules: mergeLayers },
  { name: 'Pictures', rules: pictureLayers },
  { name: 'Recurrent', rules: recurrentLayers },
  { name: 'Custom layers of known models', rules: knownCustomLayers },
]

/** Containers of layers, which are read as what is in them. */
export const CONTAINERS: ReadonlySet<string> = new Set(['Sequential', 'Functional', 'Model'])

const RULES: ReadonlyMap<string, LayerRule> = new Map(layerFamilies.flatMap(({ rules }) => Object.entries(rules)))

export function layerRule(className: string): LayerRule | undefined {
  return RULES.get(className)
}
