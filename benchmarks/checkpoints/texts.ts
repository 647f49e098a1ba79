import { uniform } from '../random.ts';

/* English-looking texts of a given number of tokens. */

const words =
  'the of and to in that is was for it with as his on be at by had not are but from or have an they which one you were all her she there would their we him been has when who will more no if out so said what up its about into than them can only other new some could time these two may then do first any my now such like our over man me even most made after also did many before must through back years where much your way well down should because each just those people how too little state good very make world still see own men work long get here between both life being under never day same another know while last might us great old year off come since against go came right used take three';
const common = words.split(' ');

/** A text for which `count` gives `tokens`. */
export function textOf(tokens: number, seed: number, count: (text: string) => number): string {
  const draw = uniform(seed);
  let text = '';
  for (;;) {
    const word = common[Math.floor(draw() * common.length)]!;
    const longer = text ? `${text} ${word}` : word;
    const found = count(longer);
    if (found > tokens) continue; // a word of several tokens, where there is room for fewer
    text = longer;
    if (found === tokens) return text;
  }
}

/** Most texts are short and some are long: between `least` and `most` tokens, alike many in each doubling. */
export function lengths(many: number, least: number, most: number, seed: number): number[] {
  const draw = uniform(seed);
  return Array.from({ length: many }, () => Math.round(least * (most / least) ** draw()));
}
