import { ipa } from '../data/ipa.js';
import type { Answer } from '../worker/pronounce-calls.js';
import { finePercent } from './percent.js';

interface AnswerListProps {
  answers: readonly Answer[];
  chosen: number;
  onChoose: (index: number) => void;
}

/** What the beam search found, best first. Each answer is a button that shows what it looked at. */
export function AnswerList({ answers, chosen, onChoose }: AnswerListProps) {
  const likeliest = Math.max(...answers.map(({ probability }) => probability));
  return (
    <div class="answers">
      <h3>What the beam found</h3>
      <ol>
        {answers.map(({ phonemes, probability }, index) => (
          <li key={phonemes.join(' ')}>
            <button type="button" aria-pressed={chosen === index} onClick={() => onChoose(index)}>
              <span class="answer-phonemes">{phonemes.join(' ')}</span>
              <span class="answer-ipa">/{phonemes.map((name) => ipa[name]?.symbol ?? name).join('')}/</span>
              <span class="answer-share">{finePercent(probability)}</span>
              <span class="bar" aria-hidden="true">
                <i style={{ width: `${(100 * probability) / likeliest}%` }} />
              </span>
            </button>
          </li>
        ))}
      </ol>
      <p class="note">The probability of each pronunciation as a whole, bars beside the likeliest. Best first by the mean per phoneme.</p>
    </div>
  );
}
