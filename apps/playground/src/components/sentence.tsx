import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { theme } from '../theme.js';
import { percent } from './percent.js';
import { tint } from './tint.js';

interface SentenceProps {
  words: readonly string[];
  /** The word that looks. */
  from: number;
  /** What it looks at: one weight for each word; null while that is unknown. */
  weights: Float32Array | null;
}

interface Arc {
  path: string;
  weight: number;
}

/** The words as chips, tinted by what one of them looks at, with an arc to each word that gets a share. */
export function Sentence({ words, from, weights }: SentenceProps) {
  const box = useRef<HTMLOListElement>(null);
  const [arcs, setArcs] = useState<readonly Arc[]>([]);
  useLayoutEffect(() => {
    const list = box.current!;
    const measure = () => setArcs(weights ? arcsOf(list, from, weights) : []);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(list);
    return () => observer.disconnect();
  }, [words, from, weights]);
  return (
    <div class="sentence">
      <svg class="arcs" aria-hidden="true">
        {arcs.map(({ path, weight }, i) => (
          <path key={i} d={path} style={{ opacity: 0.15 + 0.85 * weight, strokeWidth: `${1 + 3 * weight}px` }} />
        ))}
      </svg>
      <ol ref={box}>
        {words.map((word, i) => {
          const weight = weights?.[i] ?? 0;
          return (
            <li key={i} data-from={i === from} data-testid={i === from ? 'it' : undefined}>
              <span class="word" style={i === from ? undefined : tint(weight, theme.value)}>
                {word}
              </span>
              <span class="share">{weights && weight >= 0.005 ? percent(weight) : ' '}</span>
            </li>
          );
        })}
      </ol>
    </div>
  );
}

/** From the top of the looking word to the top of each word that gets more than 3 %: an arch within a line, a bow between lines. */
function arcsOf(list: HTMLElement, from: number, weights: Float32Array): Arc[] {
  const frame = list.getBoundingClientRect();
  const tops = Array.from(list.querySelectorAll('.word'), (word) => {
    const { left, width, top } = word.getBoundingClientRect();
    return { x: left - frame.left + width / 2, y: top - frame.top };
  });
  const start = tops[from];
  if (!start) return [];
  return tops.flatMap((to, i) => {
    const weight = weights[i] ?? 0;
    if (i === from || weight < 0.03) return [];
    const rise = Math.min(60, 14 + 0.14 * Math.abs(to.x - start.x));
    return [{ weight, path: `M${start.x} ${start.y - 2}C${start.x} ${start.y - rise} ${to.x} ${to.y - rise} ${to.x} ${to.y - 2}` }];
  });
}
