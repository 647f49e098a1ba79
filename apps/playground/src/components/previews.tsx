import { viridis } from '../data/viridis.js';

/** A sketch of an alignment, for the home page: a diagonal, as between letters and phonemes. */
export function Grid() {
  const [rows, columns] = [5, 14];
  const cells = Array.from({ length: rows * columns }, (_, i) => ({ row: Math.floor(i / columns), column: i % columns }));
  const weight = (row: number, column: number) => Math.exp(-((column - 0.9 - 2.95 * row) ** 2) / (0.7 + 0.5 * (row % 3)));
  return (
    <svg class="preview" viewBox="0 0 140 50" aria-hidden="true">
      {cells.map(({ row, column }) => (
        <rect
          key={`${row} ${column}`}
          x={10 * column + 0.5}
          y={10 * row + 0.5}
          width={9}
          height={9}
          rx={1.2}
          fill={viridis(weight(row, column))}
        />
      ))}
    </svg>
  );
}

/** A sketch of a sentence, for the home page: one word looks at two others. */
export function Arcs() {
  const words = [18, 30, 22, 16, 28, 12, 20];
  const lefts = words.map((_, i) => words.slice(0, i).reduce((sum, width) => sum + width + 3, 0) - 12);
  const middle = (i: number) => lefts[i]! + words[i]! / 2;
  const arc = (to: number) => `M${middle(5)} 33C${middle(5)} 4 ${middle(to)} 4 ${middle(to)} 33`;
  return (
    <svg class="preview arcs-preview" viewBox="0 0 140 50" aria-hidden="true">
      <path d={arc(1)} class="strong" />
      <path d={arc(4)} class="weak" />
      {words.map((width, i) => (
        <rect
          key={i}
          x={lefts[i]}
          y={36}
          width={width}
          height={11}
          rx={3}
          data-kind={i === 5 ? 'from' : i === 1 ? 'strong' : i === 4 ? 'weak' : ''}
        />
      ))}
    </svg>
  );
}
