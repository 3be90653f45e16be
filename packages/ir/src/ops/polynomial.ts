import type { Dim } from '../graph.ts'

/**
 * Polynomials with whole coefficients over atoms: the form in which symbolic dimensions are computed. An atom is a symbol, or a
 * `floor(p/q)`, `max(p,q)` or `min(p,q)` that could not be resolved. Printing is canonical, so equal text is equal value.
 */
export type Poly = ReadonlyMap<string, Term>

interface Term {
  readonly factor: number
  /** Sorted by text. */
  readonly atoms: readonly Atom[]
}

interface Atom {
  readonly text: string
  /** Undefined for a symbol. */
  readonly call?: { readonly name: 'floor' | 'max' | 'min'; readonly left: Poly; readonly right: Poly }
}

export function constant(value: number): Poly {
  return fromTerms([{ factor: value, atoms: [] }])
}

export function isConstant(poly: Poly): number | undefined {
  if (poly.size === 0) return 0
  return poly.size === 1 ? poly.get('')?.factor : undefined
}

export function plus(a: Poly, b: Poly): Poly {
  return fromTerms([...a.values(), ...b.values()])
}

export function times(a: Poly, b: Poly): Poly {
  const terms: Term[] = []
  for (const left of a.values())
    for (const right of b.values()) terms.push({ factor: left.factor * right.factor, atoms: sorted([...left.atoms, ...right.atoms]) })
  return fromTerms(terms)
}

/** The quotient where it is exact, else undefined. */
export function divide(a: Poly, b: Poly): Poly | undefined {
  const lead = termsOf(b)[0]
  if (!lead) return undefined
  let rest = a
  let quotient: Poly = new Map()
  for (let step = 0; rest.size > 0; step++) {
    const part = divideTerm(termsOf(rest)[0]!, lead)
    if (!part || step > 64) return undefined
    const piece = fromTerms([part])
    quotient = plus(quotient, piece)
    rest = plus(rest, times(times(piece, b), constant(-1)))
  }
  return quotient
}

/** `floor(a / b)`: terms that `b` divides come out of the floor, floors in floors merge. */
export function floorOf(a: Poly, b: Poly): Poly {
  const exact = divide(a, b)
  if (exact) return exact
  const divisor = isConstant(b)
  if (divisor === undefined || divisor <= 0) return atomOf('floor', a, b)
  const whole: Term[] = []
  let rest: Term[] = []
  let offset = 0
  for (const term of a.values()) {
    if (term.atoms.length === 0) offset = term.factor
    else if (term.factor % divisor === 0) whole.push({ ...term, factor: term.factor / divisor })
    else rest.push(term)
  }
  const common = rest.reduce((found, term) => gcd(found, Math.abs(term.factor)), divisor)
  rest = rest.map((term) => ({ ...term, factor: term.factor / common }))
  offset = Math.floor(offset / common)
  const by = divisor / common
  whole.push({ factor: Math.floor(offset / by), atoms: [] })
  if (rest.length === 0) return fromTerms(whole)
  const remainder = ((offset % by) + by) % by
  const left = plus(fromTerms(rest), constant(remainder))
  if (by === 1) return plus(fromTerms(whole), left)
  const inner = rest.length === 1 && rest[0]!.factor === 1 && rest[0]!.atoms.length === 1 ? rest[0]!.atoms[0]!.call : undefined
  const innerDivisor = inner?.name === 'floor' ? isConstant(inner.right) : undefined
  if (inner && innerDivisor !== undefined && innerDivisor > 0) {
    const lifted = plus(inner.left, constant(remainder * innerDivisor))
    return plus(fromTerms(whole), floorOf(lifted, constant(innerDivisor * by)))
  }
  return plus(fromTerms(whole), atomOf('floor', left, constant(by)))
}

export function select(name: 'max' | 'min', a: Poly, b: Poly): Poly {
  const difference = isConstant(plus(a, times(b, constant(-1))))
  if (difference !== undefined) return difference >= 0 === (name === 'max') ? a : b
  const [left, right] = sortPair(a, b)
  return atomOf(name, left, right)
}

/** Replaces symbols by what `lookup` gives for them. */
export function substitute(poly: Poly, lookup: (symbol: string) => Poly | undefined): Poly {
  let sum: Poly = new Map()
  for (const term of poly.values()) {
    let product = constant(term.factor)
    for (const atom of term.atoms) product = times(product, substituteAtom(atom, lookup))
    sum = plus(sum, product)
  }
  return sum
}

/** A number where the polynomial is one, else its canonical text. */
export function print(poly: Poly): Dim {
  const value = isConstant(poly)
  if (value !== undefined) return value
  const terms = termsOf(poly)
  const only = terms[0]!
  if (terms.length === 1 && only.factor === 1 && only.atoms.length === 1) return unquoted(only.atoms[0]!)
  return textOf(poly)
}

/** Reads what {@link print} writes; a name that is no expression is one symbol. */
export function parse(text: string): Poly {
  const reader = new Reader(text)
  const poly = reader.sum()
  return poly && reader.atEnd ? poly : symbol(text)
}

class Reader {
  readonly #tokens: string[]
  #at = 0

  constructor(text: string) {
    this.#tokens = text.match(/"[^"]*"|[A-Za-z_][\w.:]*|\d+(?![\w.])|\S/g) ?? []
  }

  get atEnd(): boolean {
    return this.#at === this.#tokens.length
  }

  sum(): Poly | undefined {
    let left = this.#product()
    while (left && (this.#peek === '+' || this.#peek === '-')) {
      const sign = this.#next() === '-' ? -1 : 1
      const right = this.#product()
      left = right && plus(left, times(right, constant(sign)))
    }
    return left
  }

  #product(): Poly | undefined {
    let left = this.#factor()
    while (left && this.#peek === '*') {
      this.#next()
      const right = this.#factor()
      left = right && times(left, right)
    }
    return left
  }

  #factor(): Poly | undefined {
    const token = this.#next()
    if (token === undefined) return undefined
    if (token === '-') {
      const value = this.#factor()
      return value && times(value, constant(-1))
    }
    if (token === '(') {
      const inner = this.sum()
      return this.#next() === ')' ? inner : undefined
    }
    if (/^\d+$/.test(token)) return constant(Number(token))
    if (token.startsWith('"') && token.length > 1) return symbol(token.slice(1, -1))
    if ((token === 'floor' || token === 'max' || token === 'min') && this.#peek === '(') return this.#call(token)
    return /^[A-Za-z_]/.test(token) ? symbol(token) : undefined
  }

  #call(name: 'floor' | 'max' | 'min'): Poly | undefined {
    this.#next()
    const left = name === 'floor' ? this.#product() : this.sum()
    if (this.#next() !== (name === 'floor' ? '/' : ',')) return undefined
    const right = this.sum()
    if (!left || !right || this.#next() !== ')') return undefined
    return name === 'floor' ? floorOf(left, right) : select(name, left, right)
  }

  get #peek(): string | undefined {
    return this.#tokens[this.#at]
  }

  #next(): string | undefined {
    return this.#tokens[this.#at++]
  }
}

function symbol(name: string): Poly {
  return fromTerms([{ factor: 1, atoms: [{ text: /^[A-Za-z_][\w.:]*$/.test(name) ? name : `"${name}"` }] }])
}

function unquoted(atom: Atom): string {
  return atom.text.startsWith('"') ? atom.text.slice(1, -1) : atom.text
}

function atomOf(name: 'floor' | 'max' | 'min', left: Poly, right: Poly): Poly {
  const text = name === 'floor' ? `floor(${grouped(left)}/${grouped(right)})` : `${name}(${textOf(left)},${textOf(right)})`
  return fromTerms([{ factor: 1, atoms: [{ text, call: { name, left, right } }] }])
}

function substituteAtom(atom: Atom, lookup: (symbol: string) => Poly | undefined): Poly {
  if (!atom.call) return lookup(unquoted(atom)) ?? fromTerms([{ factor: 1, atoms: [atom] }])
  const left = substitute(atom.call.left, lookup)
  const right = substitute(atom.call.right, lookup)
  return atom.call.name === 'floor' ? floorOf(left, right) : select(atom.call.name, left, right)
}

function fromTerms(terms: Iterable<Term>): Poly {
  const poly = new Map<string, Term>()
  for (const term of terms) {
    const key = keyOf(term)
    const factor = term.factor + (poly.get(key)?.factor ?? 0)
    if (factor === 0) poly.delete(key)
    else poly.set(key, { factor, atoms: term.atoms })
  }
  return poly
}

function keyOf(term: Term): string {
  return term.atoms.map((atom) => atom.text).join('*')
}

/** By degree, then by text; the constant is last. */
function termsOf(poly: Poly): Term[] {
  return [...poly.values()].sort((a, b) => b.atoms.length - a.atoms.length || compare(keyOf(a), keyOf(b)))
}

function textOf(poly: Poly): string {
  const parts = termsOf(poly).map((term) => {
    const size = Math.abs(term.factor)
    const factors = [...(size === 1 && term.atoms.length > 0 ? [] : [String(size)]), ...term.atoms.map((atom) => atom.text)]
    return (term.factor < 0 ? '-' : '+') + factors.join('*')
  })
  return parts.length === 0 ? '0' : parts.join('').replace(/^\+/, '')
}

function grouped(poly: Poly): string {
  const text = textOf(poly)
  return /^([A-Za-z_][\w.:]*|\d+|"[^"]*")$/.test(text) ? text : `(${text})`
}

function divideTerm(a: Term, b: Term): Term | undefined {
  if (a.factor % b.factor !== 0) return undefined
  const atoms = [...a.atoms]
  for (const atom of b.atoms) {
    const at = atoms.findIndex((other) => other.text === atom.text)
    if (at < 0) return undefined
    atoms.splice(at, 1)
  }
  return { factor: a.factor / b.factor, atoms }
}

function sorted(atoms: Atom[]): Atom[] {
  return atoms.sort((a, b) => compare(a.text, b.text))
}

function sortPair(a: Poly, b: Poly): [Poly, Poly] {
  return compare(textOf(a), textOf(b)) <= 0 ? [a, b] : [b, a]
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}
