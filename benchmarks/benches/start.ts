import type { Bench } from './bench.ts';
export const bench: Bench = { name: 'start', title: '', notes: [], cases: () => [], judge: () => [] };
