import { frames, kinds, lexicon } from '../it/words.js';
import { change, choice, nounsOf } from '../pages/it-state.js';
import { Segmented } from './segmented.js';

/** Chooses the nouns, the frame and, most important, the last word. */
export function SentenceForm() {
  const { frame, animal, place, adjective } = choice.value;
  const tired = adjective === 'tired' || adjective === 'wide';
  return (
    <div class="sentence-form">
      <Segmented
        legend="… because it was too"
        name="last-word"
        value={tired ? adjective : 'other'}
        options={[
          { value: 'tired', title: 'tired' },
          { value: 'wide', title: 'wide' },
          ...(tired ? [] : [{ value: 'other', title: adjective }]),
        ]}
        onChange={(value) => value !== 'other' && change({ adjective: value })}
      />
      <label class="field">
        <span>or any other last word</span>
        <select value={adjective} onChange={(event) => change({ adjective: event.currentTarget.value })}>
          {kinds.map((kind) => (
            <optgroup key={kind} label={kind === 'animal' ? 'of animals' : 'of places'}>
              {lexicon[kind].adjectives.map((word) => (
                <option key={word}>{word}</option>
              ))}
            </optgroup>
          ))}
        </select>
      </label>
      <NounField label="The animal" kind="animal" value={animal} />
      <NounField label="The place" kind="place" value={place} />
      <label class="field wide">
        <span>Pattern</span>
        <select value={frame} onChange={(event) => change({ frame: event.currentTarget.value })}>
          {frames.map((text) => (
            <option key={text} value={text}>
              {text.replace('{animal}', animal).replace('{place}', place).replace('{adjective}', '…')}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function NounField({ label, kind, value }: { label: string; kind: 'animal' | 'place'; value: string }) {
  const { seen, unseen } = nounsOf(kind);
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => change({ [kind]: event.currentTarget.value })}>
        <optgroup label="held out: never beside “it”">
          {unseen.map((word) => (
            <option key={word}>{word}</option>
          ))}
        </optgroup>
        <optgroup label="in training">
          {seen.map((word) => (
            <option key={word}>{word}</option>
          ))}
        </optgroup>
      </select>
    </label>
  );
}
