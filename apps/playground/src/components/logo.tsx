import { viridis } from '../data/viridis.js';

/** An attention map of four by four: where the diagonal is bright, each word looks at itself. */
export function Logo() {
  const cells = Array.from({ length: 16 }, (_, i) => ({ x: i % 4, y: Math.floor(i / 4) }));
  return (
    <svg class="logo" viewBox="0 0 4 4" aria-hidden="true">
      {cells.map(({ x, y }) => (
        <rect
          key={`${x} ${y}`}
          x={x + 0.06}
          y={y + 0.06}
          width={0.88}
          height={0.88}
          rx={0.2}
          fill={viridis(0.95 * Math.exp(-0.9 * Math.abs(x - y)))}
        />
      ))}
    </svg>
  );
}
