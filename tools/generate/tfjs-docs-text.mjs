import { format } from 'prettier'

/** The text of packages/tfjs/OPS.md from the reader's tables; `style` are prettier's options for it. */
export async function tfjsDocs({ layerFamilies, opFamilies, activationNames }, style) {
  const rows = (families) =>
    families.map(({ name, rules }) => `| ${name} | ${Object.keys(rules).map((rule) => `\`${rule}\``).join(' ')} |`).join('\n') // prettier-ignore
  const text = `# What \`@whittle/tfjs\` reads

Written by \`node tools/generate/tfjs-docs.mjs\` from the reader's tables. All else is refused by its name.

## Layers of layers models

\`Sequential\` and \`Functional\` models, models within models, layers that are called more than once.

| family | layers |
| --- | --- |
${rows(layerFamilies)}

Activations: ${activationNames.map((name) => `\`${name}\``).join(' ')}.

## Ops of graph models

| family | ops |
| --- | --- |
${rows(opFamilies)}

\`Const\`, \`Placeholder\` and \`NoOp\` beside them.
`
  return format(text, style)
}
