/*
 * A small voice: what each phoneme is made of, and how numbers are pronounced in two languages. Vowels and the like are three resonances (formants, in Hz) of
 * a humming throat; hisses are noise around one frequency; stops are a pause and a burst. The figures are textbook averages of men.
 */

export interface Phoneme {
  /** Seconds, at a speed of 1. */
  readonly duration: number;
  /** Formants; noise alone has none. */
  readonly formants: readonly [number, number, number] | null;
  /** How loud the throat is. */
  readonly voice: number;
  /** How loud noise is, and around which frequency. */
  readonly noise?: { readonly level: number; readonly at: number };
  /** Where the formants end, for diphthongs. */
  readonly glide?: readonly [number, number, number];
}

const vowel = (duration: number, f1: number, f2: number, f3: number): Phoneme => ({ duration, formants: [f1, f2, f3], voice: 1 });
const glide = (duration: number, from: [number, number, number], to: [number, number, number]): Phoneme => ({ duration, formants: from, glide: to, voice: 1 }); // biome-ignore format: one row
const nasal = (f1: number, f2: number, f3: number): Phoneme => ({ duration: 0.07, formants: [f1, f2, f3], voice: 0.5 });
const hiss = (level: number, at: number, duration = 0.09): Phoneme => ({ duration, formants: null, voice: 0, noise: { level, at } });
const buzz = (level: number, at: number): Phoneme => ({ duration: 0.07, formants: [300, 1400, 2400], voice: 0.5, noise: { level, at } });

export const phonemes: Readonly<Record<string, Phoneme>> = {
  i: vowel(0.12, 280, 2250, 2950),
  I: vowel(0.08, 400, 1950, 2550),
  e: vowel(0.09, 530, 1840, 2480),
  a: vowel(0.12, 730, 1250, 2500),
  V: vowel(0.09, 640, 1190, 2390),
  o: vowel(0.13, 500, 850, 2450),
  u: vowel(0.12, 310, 870, 2250),
  y: vowel(0.1, 290, 1750, 2200),
  '@': vowel(0.06, 500, 1500, 2500),
  aI: glide(0.17, [730, 1150, 2500], [320, 2100, 2700]),
  eI: glide(0.15, [500, 1850, 2500], [300, 2200, 2800]),
  oU: glide(0.15, [520, 950, 2450], [330, 850, 2300]),
  OY: glide(0.17, [540, 880, 2450], [320, 2000, 2650]),
  w: { duration: 0.06, formants: [300, 650, 2200], voice: 0.7 },
  r: { duration: 0.07, formants: [320, 1150, 1600], voice: 0.7 },
  R: { duration: 0.07, formants: [450, 1150, 2300], voice: 0.5, noise: { level: 0.05, at: 1300 } },
  l: { duration: 0.06, formants: [340, 1100, 2800], voice: 0.7 },
  n: nasal(260, 1600, 2600),
  m: nasal(250, 1000, 2200),
  s: hiss(0.3, 6200),
  f: hiss(0.09, 4200),
  T: hiss(0.07, 5200, 0.08),
  x: hiss(0.15, 2600, 0.08),
  h: hiss(0.08, 1500, 0.05),
  z: buzz(0.2, 6000),
  v: buzz(0.05, 3600),
  // Stops: a pause, then a burst.
  '-': { duration: 0.045, formants: null, voice: 0 },
  t: hiss(0.3, 4800, 0.025),
  k: hiss(0.25, 2100, 0.03),
  d: { duration: 0.025, formants: [250, 1700, 2600], voice: 0.4, noise: { level: 0.1, at: 4000 } },
};

/** The numbers of each language, token by token: the first begins a word, the others go on with it. */
export const languages: Readonly<Record<string, readonly (readonly string[])[]>> = {
  en: [
    ['zero'],
    ['one'],
    ['two'],
    ['three'],
    ['four'],
    ['five'],
    ['six'],
    ['seven'],
    ['eight'],
    ['nine'],
    ['six', 'teen'],
    ['nine', 'teen'],
  ],
  de: [
    ['null'],
    ['eins'],
    ['zwei'],
    ['drei'],
    ['vier'],
    ['fünf'],
    ['sechs'],
    ['sieben'],
    ['acht'],
    ['neun'],
    ['vier', 'zehn'],
    ['acht', 'zehn'],
  ],
};

/** How each token is said. */
export const pronunciations: Readonly<Record<string, string>> = {
  zero: 'z I r oU',
  one: 'w V n',
  two: '- t u',
  three: 'T r i',
  four: 'f o r',
  five: 'f aI v',
  six: 's I - k s',
  seven: 's e v @ n',
  eight: 'eI - t',
  nine: 'n aI n',
  teen: '- t i n',
  null: 'n u l',
  eins: 'aI n s',
  zwei: '- t s v aI',
  drei: '- d R aI',
  vier: 'f i @',
  fünf: 'f y n f',
  sechs: 'z e - k s',
  sieben: 'z i m',
  acht: 'a x - t',
  neun: 'n OY n',
  zehn: '- t s e n',
};
