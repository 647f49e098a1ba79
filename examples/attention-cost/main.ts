import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { wasm } from '@multihead/kernels-wasm';
import { memory, noGrad, Rng, randn, resetPeakMemory, scope, setBackend } from '@multihead/tensor';
import { defineCommand, runMain } from 'citty';
import { lineChart } from '../charts/lines.js';
import { contestants } from './contestants.js';

const [heads, dim] = [4, 64];
const folder = join(import.meta.dirname, '../../packages/attention');

/** Of one call: milliseconds, and megabytes at their peak beside the inputs. */
interface Cell {
  readonly ms: number;
  readonly mb: number;
}

type Table = Record<string, Record<number, Cell>>;

const main = defineCommand({
  meta: {
    name: 'recipe attention-cost',
    description: "Measures every variant of attention by tokens, and writes the README's table and chart",
  },
  args: {
    tokens: { type: 'string', default: '128,256,512,1024,2048,4096,8192,16384', description: 'numbers of tokens' },
    budget: { type: 'string', default: '10', description: 'seconds that one call may take; larger sizes of a variant are left out then' },
  },
  async run({ args }) {
    setBackend(await wasm());
    const sizes = args.tokens.split(',').map(Number);
    const table: Table = {};
    for (const { name, make, most = Number.POSITIVE_INFINITY } of contestants) {
      for (const tokens of sizes) {
        const last = Object.values(table[name] ?? {}).at(-1);
        // The next size takes four times as long at most, when the sizes double.
        if (tokens > most || (last && last.ms * 4 > 1000 * Number(args.budget))) break;
        const cell = measured(make({ heads, dim, tokens }), tokens);
        table[name] = { ...table[name], [tokens]: cell };
        console.log(`${name}, ${tokens} tokens: ${cell.ms.toFixed(1)} ms, ${cell.mb.toFixed(1)} MB`);
      }
    }
    await writeFile(join(folder, 'cost.svg'), chartOf(table, sizes));
    const readme = join(folder, 'README.md');
    await writeFile(readme, withTable(await readFile(readme, 'utf8'), tableOf(table, sizes)));
  },
});

function measured(fn: (...x: ReturnType<typeof inputs>) => unknown, tokens: number): Cell {
  using _ = scope();
  return noGrad(() => {
    const given = inputs(tokens);
    const run = () => {
      using _ = scope();
      const started = performance.now();
      fn(...given);
      return performance.now() - started;
    };
    const before = memory().bytes;
    resetPeakMemory();
    let ms = run();
    const mb = (memory().peakBytes - before) / 1e6;
    for (let spent = ms, n = 0; spent < 300 && n < 20; n++) {
      const once = run();
      spent += once;
      ms = Math.min(ms, once);
    }
    return { ms, mb };
  });
}

function inputs(tokens: number) {
  const draw = (seed: number) => randn([1, heads, tokens, dim], { rng: new Rng(seed) });
  return [draw(1), draw(2), draw(3)] as const;
}

const shown = (value: number) => (value >= 10 ? value.toFixed(0) : value.toPrecision(2));

function tableOf(table: Table, sizes: readonly number[]): string {
  const columns = sizes.filter((_, i) => i % 2 === 0 || i === sizes.length - 1);
  const rows = contestants.map(({ name, order }) => {
    const cells = columns.map((tokens) => {
      const cell = table[name]?.[tokens];
      return cell ? `${shown(cell.ms)} · ${shown(cell.mb)}` : '';
    });
    return `| ${name} | ${order} | ${cells.join(' | ')} |`;
  });
  const head = `| ms · MB | time | ${columns.map((n) => n.toLocaleString('en')).join(' | ')} |`;
  return [head, `|---|---|${columns.map(() => '--:').join('|')}|`, ...rows].join('\n');
}

/** The README with what stands between its two marks replaced. */
function withTable(readme: string, table: string): string {
  const marks = /(<!-- cost: pnpm recipe attention-cost -->\n)[\s\S]*?(<!-- \/cost -->)/;
  if (!marks.test(readme)) throw new Error('README.md: expected the marks <!-- cost: … --> and <!-- /cost -->');
  return readme.replace(marks, (_, before: string, after: string) => `${before}${table}\n${after}`);
}

function chartOf(table: Table, sizes: readonly number[]): string {
  const drawn = ['attend', 'attend, window of 256', 'flexAttend, bias by distance', 'longformer(128, 1)', 'nystromAttention, 64', 'reformer, chunks of 64', 'linearAttention', 'gatedDeltaRule']; // biome-ignore format: a list
  const panel = (title: string, yLabel: string, value: (cell: Cell) => number) => ({
    title,
    xLabel: 'tokens',
    yLabel,
    ticks: sizes.map((n) => (n >= 1024 ? `${n / 1024}k` : String(n))),
    lines: drawn.map((name) => {
      const cells = table[name] ?? {};
      return { name, values: sizes.map((tokens) => (cells[tokens] ? value(cells[tokens]) : null)) };
    }),
    scale: 'log' as const,
    format: (mark: number) => mark.toLocaleString('en'),
  });
  return lineChart(
    [panel('Time of one call', 'milliseconds', ({ ms }) => ms), panel('Memory at its peak', 'megabytes', ({ mb }) => mb)],
    'Time and memory of kinds of attention by number of tokens',
  );
}

await runMain(main);
