import { format } from 'prettier'

/** The text of packages/tflite/OPS.md from the reader's tables; `style` are prettier's options for it. */
export async function tfliteDocs({ OPS, CUSTOM_OPS, BUILTIN_OPERATOR }, style) {
  const rows = (table) => [...table].map(([name, { limits }]) => `| \`${name}\` | ${limits ?? ''} |`).join('\n')
  const builtin = BUILTIN_OPERATOR.filter((name) => !/^(STABLEHLO_|CUSTOM$|DELEGATE$|PLACEHOLDER)/.test(name))
  const missing = builtin.filter((name) => !OPS.has(name))
  const text = `# What \`@whittle/tflite\` reads

Written by \`node tools/generate/tflite-docs.mjs\` from the reader's table. ${OPS.size} of ${builtin.length} builtin ops, in float32, and those of them that
have integer kernels in int8, uint8 and int16 too; weights in float16 and sparse form.

## Builtin ops

| op | limits |
| --- | --- |
${rows(OPS)}

## Custom ops

| op | limits |
| --- | --- |
${rows(CUSTOM_OPS)}

## Not read

A model with one of these is refused, and the message names the node: ${missing.map((name) => `\`${name}\``).join(' ')}, StableHLO's ops in TensorFlow
Lite files, and all other custom ops.
`
  return format(text, style)
}
