import { type Random, createRandom } from '@whittle/ir'

export const RATE = 16000

/** Sound and where in it somebody speaks. */
export interface Utterance {
  /** Between -1 and 1, {@link RATE} a second. */
  readonly sound: Float32Array
  /** 1 where there is speech, for each element of `sound`. */
  readonly speech: Uint8Array
}

/**
 * Speech-like sound, drawn anew for each seed: a glottal pulse train through moving formant resonators (Klatt, "Software for a cascade/parallel
 * formant synthesizer", 1980) for vowels and nasals, noise for fricatives and bursts; phrases of syllables, pauses, and noise behind all of it.
 */
export function speak(seed: string, length: number): Utterance {
  const random = createRandom(seed)
  const voice = voiceOf(random)
  const [sound, speech] = [new Float32Array(length), new Uint8Array(length)]
  let at = Math.round(RATE * random.next())
  while (at < length) {
    const phrase = phraseOf(random, voice)
    for (let index = 0; index < phrase.length && at + index < length; index++) {
      sound[at + index] = phrase[index]!
      speech[at + index] = 1
    }
    at += phrase.length + Math.round(RATE * (0.4 + 1.1 * random.next()))
  }
  addNoise(random, sound)
  return { sound, speech }
}

interface Voice {
  /** Hertz, at the beginning of a phrase. */
  readonly pitch: number
  /** Of the formants' frequencies: a shorter vocal tract has higher ones. */
  readonly tract: number
  /** Seconds of a vowel. */
  readonly tempo: number
  readonly level: number
}

function voiceOf(random: Random): Voice {
  const size = random.next()
  return {
    pitch: 85 + 150 * size + 20 * random.next(),
    tract: 0.9 + 0.25 * size + 0.05 * random.next(),
    tempo: 0.09 + 0.09 * random.next(),
    level: 0.05 + 0.3 * random.next(),
  }
}

/** A stretch of sound whose formants glide to the next one's. */
interface Sound {
  readonly seconds: number
  /** Hertz, three formants. */
  readonly formants: readonly [number, number, number]
  /** Loudness of the voice and of the noise. */
  readonly voiced: number
  readonly hiss: number
  /** Hertz, about which the noise is loudest. */
  readonly hissAt: number
}

/** Peterson and Barney's vowels, of men. */
const VOWELS: readonly (readonly [number, number, number])[] = [
  [270, 2290, 3010],
  [390, 1990, 2550],
  [530, 1840, 2480],
  [660, 1720, 2410],
  [730, 1090, 2440],
  [570, 840, 2410],
  [440, 1020, 2240],
  [300, 870, 2240],
  [640, 1190, 2390],
  [490, 1350, 1690],
]

function phraseOf(random: Random, voice: Voice): Float32Array {
  const sounds: Sound[] = []
  for (let syllable = 3 + random.integer(7); syllable > 0; syllable--) {
    sounds.push(...consonantOf(random), vowelOf(random, voice))
    if (random.next() < 0.3) sounds.push(nasal(random))
  }
  return render(random, voice, sounds)
}

function vowelOf(random: Random, voice: Voice): Sound {
  const formants = VOWELS[random.integer(VOWELS.length)]!
  return { seconds: voice.tempo * (0.7 + 0.8 * random.next()), formants, voiced: 0.7 + 0.3 * random.next(), hiss: 0.01, hissAt: 2500 }
}

function consonantOf(random: Random): Sound[] {
  const formants = [300, 1200 + 800 * random.next(), 2500] as const
  const kind = random.integer(5)
  if (kind === 0) return [{ seconds: 0.08 + 0.06 * random.next(), formants, voiced: 0, hiss: 0.35, hissAt: 2500 + 3500 * random.next() }]
  if (kind === 1)
    return [
      { seconds: 0.04 + 0.03 * random.next(), formants, voiced: 0, hiss: 0, hissAt: 3000 },
      { seconds: 0.015, formants, voiced: 0.1, hiss: 0.6, hissAt: 1500 + 3000 * random.next() },
    ]
  if (kind === 2) return [{ seconds: 0.06, formants: [350, 1100, 2300], voiced: 0.45, hiss: 0, hissAt: 3000 }]
  if (kind === 3) return [{ seconds: 0.07, formants, voiced: 0.4, hiss: 0.15, hissAt: 3500 }]
  return [nasal(random)]
}

function nasal(random: Random): Sound {
  return { seconds: 0.05 + 0.04 * random.next(), formants: [250, 1000 + 600 * random.next(), 2200], voiced: 0.35, hiss: 0, hissAt: 3000 }
}

function render(random: Random, { pitch, tract, level }: Voice, sounds: readonly Sound[]): Float32Array {
  const total = sounds.reduce((sum, { seconds }) => sum + seconds, 0)
  const result = new Float32Array(Math.round(total * RATE))
  const resonators = [0, 1, 2, 3].map(() => new Resonator())
  const hiss = new Resonator()
  const state = { formants: [...sounds[0]!.formants, 3500 / tract], voiced: 0, hiss: 0, hissAt: sounds[0]!.hissAt }
  let [phase, at, shift] = [0, 0, 0]
  for (const [index, sound] of sounds.entries()) {
    const end = index === sounds.length - 1 ? result.length : Math.min(result.length, at + Math.round(sound.seconds * RATE))
    for (; at < end; at++) {
      // Everything glides to its target within some 20 ms.
      if (at % 32 === 0) {
        const glide = (from: number, to: number): number => from + 0.12 * (to - from)
        for (let k = 0; k < 3; k++) state.formants[k] = glide(state.formants[k]!, sound.formants[k]!)
        state.voiced = glide(state.voiced, at > result.length - RATE * 0.04 ? 0 : sound.voiced)
        state.hiss = glide(state.hiss, sound.hiss)
        state.hissAt = glide(state.hissAt, sound.hissAt)
        for (const [k, resonator] of resonators.entries()) resonator.tune(state.formants[k]! * tract, [60, 90, 130, 200][k]!)
        hiss.tune(state.hissAt, 900)
        shift = 0.97 * shift + 0.01 * random.normal()
      }
      const spoken = at / result.length
      const frequency = pitch * (1.1 - 0.3 * spoken + 0.05 * Math.sin((2 * Math.PI * 3 * at) / RATE) + shift)
      phase += frequency / RATE
      if (phase >= 1) phase -= 1
      const noise = random.next() - 0.5
      let value = state.voiced * (glottis(phase) + 0.03 * noise)
      for (const resonator of resonators) value = resonator.run(value)
      result[at] = level * (value + state.hiss * hiss.run(noise))
    }
  }
  return result
}

/** What flows through the glottis in one period, differentiated: opens slowly, closes at once (Rosenberg, 1971). */
function glottis(phase: number): number {
  if (phase < 0.4) return 0.5 * Math.sin((Math.PI * phase) / 0.4)
  return phase < 0.56 ? -1.25 * Math.sin((Math.PI * (phase - 0.4)) / 0.32) : 0
}

/** A second-order resonator of unit gain at 0 Hz. */
class Resonator {
  #a = 1
  #b = 0
  #c = 0
  #last = 0
  #before = 0

  tune(frequency: number, bandwidth: number): void {
    const radius = Math.exp((-Math.PI * bandwidth) / RATE)
    this.#c = -radius * radius
    this.#b = 2 * radius * Math.cos((2 * Math.PI * frequency) / RATE)
    this.#a = 1 - this.#b - this.#c
  }

  run(value: number): number {
    const next = this.#a * value + this.#b * this.#last + this.#c * this.#before
    this.#before = this.#last
    this.#last = next
    return next
  }
}

/** White to brown noise, hum, and now and then a knock or a tone: not speech. In place. */
function addNoise(random: Random, sound: Float32Array): void {
  const level = 10 ** (-4 + 2.5 * random.next())
  const colour = random.next()
  const hum = random.next() < 0.3 ? level * 2 : 0
  let last = 0
  for (let index = 0; index < sound.length; index++) {
    const white = random.next() - 0.5
    last = 0.97 * last + 0.2 * white
    sound[index]! += level * ((1 - colour) * white + colour * last) * 3 + hum * Math.sin((2 * Math.PI * 50 * index) / RATE)
  }
  for (let event = random.integer(4); event > 0; event--) {
    const start = random.integer(sound.length)
    const tone = random.next() < 0.5
    const [frequency, loud, decay] = [200 + 2500 * random.next(), 0.02 + 0.15 * random.next(), tone ? 0.15 : 0.01]
    for (let index = start; index < Math.min(sound.length, start + RATE * decay * 5); index++) {
      const wave = tone ? Math.sin((2 * Math.PI * frequency * index) / RATE) : random.next() - 0.5
      sound[index]! += loud * wave * Math.exp(-(index - start) / RATE / decay)
    }
  }
  for (let index = 0; index < sound.length; index++) sound[index] = Math.max(-1, Math.min(1, sound[index]!))
}
