import { ipa } from '../data/ipa.js';
import { theme } from '../theme.js';
import type { HeatMapData } from './heat-map.js';
import { tint } from './tint.js';

interface AlignmentProps {
  /** The last row and the last column are the end, which is not drawn. */
  data: HeatMapData;
  active: number | null;
  onActive: (row: number | null) => void;
}

/** The letters above, the phonemes below, and between them a line for each look: the stronger, the more of the attention. */
export function Alignment({ data, active, onActive }: AlignmentProps) {
  const { columns, rows, weights } = data;
  const letters = columns.slice(0, -1);
  const phonemes = rows.slice(0, -1);
  const weight = (row: number, column: number) => weights[row * columns.length + column]!;
  const longest = Math.max(letters.length, phonemes.length);
  return (
    <div class="alignment-frame">
      <div class="alignment" style={{ '--longest': longest }} data-active={active !== null}>
        <ol class="letters" style={{ '--count': letters.length }} aria-label="Letters">
          {letters.map((letter, column) => (
            <li key={column} style={active === null ? undefined : tint(weight(active, column), theme.value)}>
              {letter}
            </li>
          ))}
        </ol>
        <svg class="links" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
          {phonemes.flatMap((_, row) =>
            letters.map((_, column) => (
              <Link
                key={`${row} ${column}`}
                from={(100 * (column + 0.5)) / letters.length}
                to={(100 * (row + 0.5)) / phonemes.length}
                weight={weight(row, column)}
                faded={active !== null && active !== row}
              />
            )),
          )}
        </svg>
        <ol class="phonemes" style={{ '--count': phonemes.length }} aria-label="Phonemes">
          {phonemes.map((name, row) => (
            <li key={row}>
              <button
                type="button"
                aria-pressed={active === row}
                onPointerEnter={(event) => event.pointerType === 'mouse' && onActive(row)}
                onPointerLeave={(event) => event.pointerType === 'mouse' && onActive(null)}
                onFocus={() => onActive(row)}
                onBlur={() => onActive(null)}
                onClick={() => onActive(row)}
              >
                <b>{name}</b>
                <i>{ipa[name]?.symbol}</i>
              </button>
            </li>
          ))}
        </ol>
      </div>
    </div>
  );
}

function Link({ from, to, weight, faded }: { from: number; to: number; weight: number; faded: boolean }) {
  if (weight < 0.04) return null;
  return (
    <path
      d={`M${from} 0C${from} 55 ${to} 45 ${to} 100`}
      style={{ opacity: (faded ? 0.08 : 1) * (0.12 + 0.88 * weight), strokeWidth: `${0.75 + 3.25 * weight}px` }}
    />
  );
}
