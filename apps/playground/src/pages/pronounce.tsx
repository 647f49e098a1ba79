import { useEffect, useMemo } from 'preact/hooks';
import { Alignment } from '../components/alignment.js';
import { AnswerList } from '../components/answer-list.js';
import { BackendSwitch } from '../components/backend-switch.js';
import { ColorScale } from '../components/color-scale.js';
import { HeatMap } from '../components/heat-map.js';
import { describe, MapPicker, weightsOf } from '../components/map-picker.js';
import { percent } from '../components/percent.js';
import { ModelStatus } from '../components/model-status.js';
import { ipa } from '../data/ipa.js';
import { end } from '../worker/pronounce-calls.js';
import {
  active,
  begin,
  busy,
  choose,
  longestWord,
  mapChoice,
  modelState,
  type Outcome,
  outcome,
  retry,
  type,
  typed,
} from './pronounce-state.js';

const examples = ['thought', 'queue', 'xylophone', 'rhythm', 'multihead'];

export function Pronounce() {
  useEffect(() => void begin(), []);
  const model = modelState.value;
  return (
    <div class="page">
      <div class="intro">
        <h1>Pronounce</h1>
        <p class="lead">
          The encoder-decoder Transformer of 2017 reads letters and writes phonemes. It learned English spelling from a dictionary, and for
          each phoneme it shows which letters it looked at.
        </p>
      </div>
      <WordField />
      {model.kind === 'ready' ? <Result /> : <ModelStatus state={model} onRetry={retry} />}
      {model.kind === 'ready' && <BackendSwitch facts={model.facts} />}
    </div>
  );
}

function WordField() {
  const found = outcome.value;
  const refused = found.kind === 'unknown' ? found : null;
  return (
    <form class="word-field" onSubmit={(event) => event.preventDefault()}>
      <label for="word">A word, or something like one</label>
      <input
        id="word"
        type="text"
        value={typed.value}
        maxLength={longestWord}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        aria-invalid={refused !== null}
        aria-describedby="word-problem"
        onInput={(event) => type(event.currentTarget.value)}
      />
      <div class="examples">
        <span>Try</span>
        {examples.map((word) => (
          <button key={word} type="button" class="chip-button" onClick={() => type(word)}>
            {word}
          </button>
        ))}
      </div>
      <p id="word-problem" class="problem" role="status">
        {refused && <UnknownCharacter {...refused} />}
      </p>
    </form>
  );
}

function UnknownCharacter({ character, known }: { character: string; known: string }) {
  const name = character.trim() === '' ? 'a space' : `“${character}”`;
  const others = [...known].filter((letter) => letter < 'a' || letter > 'z').join(' ');
  return (
    <>
      The model has never seen {name}: it knows a to z and {others} only.
    </>
  );
}

function Result() {
  const found = outcome.value;
  if (found.kind === 'answers') return <Found found={found} />;
  return (
    <section class="card empty" aria-live="polite">
      {found.kind === 'failed' && <p class="problem">{found.message}</p>}
      {found.kind === 'unknown' && <p>Nothing to pronounce in “{found.word}”.</p>}
      {found.kind === 'nothing' && <p>{typed.value.trim() === '' ? 'Type a word to hear from the model.' : 'Reading the word …'}</p>}
    </section>
  );
}

function Found({ found }: { found: Extract<Outcome, { kind: 'answers' }> }) {
  const { attention, answers, chosen, word } = found;
  const choice = mapChoice.value;
  const maps = attention.layers[choice.layer]!;
  const data = useMemo(
    () => ({ rows: attention.rows, columns: attention.columns, weights: weightsOf(maps, choice.head) }),
    [attention, maps, choice.head],
  );
  const phonemes = answers[chosen]!.phonemes;
  return (
    <div class="found" aria-busy={busy.value}>
      <section class="card spoken" aria-labelledby="spoken-title">
        <div class="spoken-main">
          <h2 id="spoken-title" class="visually-hidden">
            Pronunciation
          </h2>
          <p class="ipa" aria-live="polite">
            <span class="visually-hidden">{word}: </span>/{phonemes.map((name) => ipa[name]?.symbol ?? name).join('')}/
          </p>
          <Alignment data={data} active={active.value} onActive={setActive} />
          <Readout {...data} />
        </div>
        <AnswerList answers={answers} chosen={chosen} onChoose={(index) => void choose(index)} />
      </section>
      <section class="card attention" aria-labelledby="attention-title">
        <div class="card-head">
          <div>
            <h2 id="attention-title">Cross-attention</h2>
            <p>{describe(choice)}. A row for each phoneme: the brighter a cell, the more of the row’s attention its letter got.</p>
          </div>
          <ColorScale />
        </div>
        <div class="attention-body">
          <HeatMap
            data={data}
            label={`Attention of the phonemes ${phonemes.join(' ')} to the letters of ${word}: ${describe(choice)}`}
            axes={['phonemes', 'letters']}
            active={active.value}
            onActive={setActive}
          />
          <MapPicker {...attention} choice={choice} onChoice={(next) => (mapChoice.value = next)} />
        </div>
      </section>
    </div>
  );
}

function setActive(row: number | null): void {
  active.value = row;
}

/** In words, what the phoneme that is pointed at looked at. */
function Readout({ rows, columns, weights }: { rows: readonly string[]; columns: readonly string[]; weights: Float32Array }) {
  const row = active.value;
  if (row === null || row >= rows.length) return <p class="readout">Point at a phoneme to see the letters that it looked at.</p>;
  const shares = columns.map((name, i) => ({ name, share: weights[row * columns.length + i]! }));
  const most = shares.toSorted((a, b) => b.share - a.share).filter(({ share }) => share >= 0.05);
  const name = rows[row]!;
  return (
    <p class="readout">
      <b>{name === end ? 'The end' : name}</b>
      {ipa[name] && <> as in “{ipa[name].example}”</>} looked at{' '}
      {most.slice(0, 4).map(({ name, share }, i) => (
        <span key={i}>
          {i > 0 && ', '}
          <b>{name === end ? 'the end' : name}</b> {percent(share)}
        </span>
      ))}
    </p>
  );
}
