import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/*
 * What is encoded: this project's own pages and sources, and sentences in Chinese, Japanese and Korean, with emoji.
 */

// The bundle lies in build/.
const root = new URL('../../', import.meta.url);
const length = 100_000;

export function longTexts(): { name: string; text: string }[] {
  return Object.entries(sources()).map(([name, text]) => ({
    name,
    text: repeated(text)
      .slice(0, length)
      .replace(/[\uD800-\uDBFF]$/, ''),
  }));
}

/** Lines that are not empty, from all over each text. */
export function shortTexts(): { name: string; texts: string[] }[] {
  return longTexts().map(({ name, text }) => {
    const lines = text.split(/\n+|(?<=[。.!?！？]) ?/).filter((line) => line.trim().length > 8);
    return { name, texts: Array.from({ length: 200 }, (_, i) => lines[Math.floor((i * lines.length) / 200)]!) };
  });
}

function sources(): Record<string, string> {
  const pages = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'README.md', 'benchmarks/README.md', 'conformance/README.md'];
  return {
    prose: pages.map((page) => readFileSync(new URL(page, root), 'utf8').replace(/^[|#`].*$|\]\([^)]*\)/gm, '')).join('\n'),
    code: filesIn('packages/tensor/src')
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n'),
    'CJK and emoji': mixed(),
  };
}

function filesIn(folder: string): string[] {
  const path = fileURLToPath(new URL(folder, root));
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return names.sort().map((name) => `${path}/${name}`);
}

function repeated(text: string): string {
  return text.repeat(Math.ceil(length / text.length));
}

const sentences = [
  '今天的天气非常好，我们打算下午去公园散步。',
  '这本书讲述了一个年轻人如何在大城市里寻找自己的道路。',
  '请在出发之前检查护照、机票和酒店的预订信息。',
  '科学家们发现，深海里的生物比人们想象的要多得多。',
  '東京の夏はとても蒸し暑く、夕方になると雷雨がよく降ります。',
  '彼女は毎朝六時に起きて、川沿いの道を三キロ走っている。',
  'この料理を作るには、玉ねぎを薄く切ってからゆっくり炒めます。',
  '図書館では静かに本を読む人がたくさんいました。',
  '오늘은 도서관에서 친구와 함께 시험 공부를 하기로 했다.',
  '할머니는 시장에서 싱싱한 생선과 채소를 사 오셨습니다.',
  '비가 그친 뒤 하늘에 커다란 무지개가 떠올랐다.',
  '새로운 기술은 우리의 생활 방식을 빠르게 바꾸고 있다.',
];
const emoji = ['😀', '🎉', '👨‍👩‍👧‍👦', '🇯🇵', '👍🏽', '❤️', '🌸', '🍣'];

/** The sentences in a random order that is the same in every run, an emoji after some and a number in others. */
function mixed(): string {
  let state = 7;
  const draw = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const parts: string[] = [];
  for (let count = 0; count < length; count += parts.at(-1)!.length) {
    const number = draw(3) === 0 ? `${draw(10_000)}` : '';
    const picture = draw(2) === 0 ? emoji[draw(emoji.length)] : '';
    parts.push(`${sentences[draw(sentences.length)]}${number}${picture}${draw(5) === 0 ? '\n' : ''}`);
  }
  return parts.join('');
}
