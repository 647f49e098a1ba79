import { useEffect, useMemo } from 'preact/hooks';
import { ColorScale } from '../components/color-scale.js';
import { HeatMap } from '../components/heat-map.js';
import { LineChart } from '../components/line-chart.js';
import { describe, MapPicker, weightsOf } from '../components/map-picker.js';
import { percent } from '../components/percent.js';
import { Sentence } from '../components/sentence.js';
import { SentenceForm } from '../components/sentence-form.js';
import { Trainer } from '../components/trainer.js';
import { lexicon } from '../it/words.js';
import { measureEvery, plan } from '../it/plan.js';
import { beginIt, course, itMap, itState, looked, pause, sentence } from './it-state.js';

export function ItPage() {
  useEffect(() => {
    void beginIt();
    return pause;
  }, []);
  const state = itState.value;
  return (
    <div class="page">
      <div class="intro">
        <h1>
          What does <em>it</em> look at?
        </h1>
        <p class="lead">
          The animal didn’t cross the street because <em>it</em> was too tired. Or too wide. One word at the end decides which noun{' '}
          <em>it</em> means. Train a small encoder to find out, here and now, and watch its attention move.
        </p>
      </div>
      {state.kind === 'failed' ? (
        <section class="card empty" role="alert">
          <h2>The training stopped</h2>
          <p>{state.message}</p>
        </section>
      ) : (
        <>
          <Trainer />
          <SentenceCard />
          <Charts />
          <Maps />
          <HeldOut />
        </>
      )}
    </div>
  );
}

/** What *it* looks at in the map that is chosen, in the sentence that is chosen. */
function SentenceCard() {
  const { words, it, nouns } = sentence.value;
  const found = looked.value?.words === words ? looked.value : null;
  const { layer, head } = itMap.value;
  const row = useMemo(
    () => found && weightsOf(found.maps[layer]!, head).slice(it * words.length, (it + 1) * words.length),
    [found, layer, head],
  );
  return (
    <section class="card" aria-labelledby="sentence-title">
      <div class="card-head">
        <div>
          <h2 id="sentence-title">The attention of “it”</h2>
          <p>
            {describe(itMap.value)}
            {layer === 1 && head === 'mean' && ': the model’s answer is the word that gets the most of it'}.
          </p>
        </div>
      </div>
      <Sentence words={words} from={it} weights={row} />
      <Verdict animal={row?.[nouns.animal] ?? 0} place={row?.[nouns.place] ?? 0} names={[words[nouns.animal]!, words[nouns.place]!]} />
      <SentenceForm />
    </section>
  );
}

/** The two nouns side by side. */
function Verdict({ animal, place, names }: { animal: number; place: number; names: readonly [string, string] }) {
  const sides = [
    { name: names[0], share: animal },
    { name: names[1], share: place },
  ];
  const rest = Math.max(0, 1 - animal - place);
  return (
    <div class="verdict" data-testid="verdict" data-answer={animal >= place ? 'animal' : 'place'}>
      {sides.map(({ name, share }, i) => (
        <div key={i} data-first={share > 0.5}>
          <span>{name}</span>
          <span class="bar" aria-hidden="true">
            <i style={{ width: `${100 * share}%` }} />
          </span>
          <b>{percent(share)}</b>
        </div>
      ))}
      <p class="note">{percent(rest)} on the other words</p>
    </div>
  );
}

function Charts() {
  const { losses, scores } = course.value;
  const steps = plan.steps;
  const lossSteps = useMemo(() => losses.map((_, i) => i), [losses]);
  const lossLines = useMemo(() => [{ name: 'now', color: '--accent' as const, values: losses }], [losses]);
  const scoreSteps = useMemo(() => scores.map(({ step }) => step), [scores]);
  const scoreLines = useMemo(
    () => [
      { name: 'in training', color: '--accent' as const, values: scores.map(({ seen }) => seen) },
      { name: 'held out', color: '--second' as const, values: scores.map(({ unseen }) => unseen) },
    ],
    [scores],
  );
  return (
    <section class="card charts" aria-label="The course of the training">
      <LineChart
        title="Loss: −ln of the attention on the right noun"
        label={`Loss after ${losses.length} steps: ${losses.at(-1)?.toFixed(2) ?? 'none yet'}`}
        x={lossSteps}
        lines={lossLines}
        xRange={[0, steps]}
        yRange={[0, 3]}
        format={(value) => value.toFixed(value < 0.1 && value > 0 ? 3 : 1)}
      />
      <LineChart
        title="Right answers, by the nouns of the sentence"
        label={`Right answers: ${percent(scores.at(-1)?.seen ?? 0)} with nouns of the training, ${percent(scores.at(-1)?.unseen ?? 0)} with nouns held out`}
        x={scoreSteps}
        lines={scoreLines}
        xRange={[0, steps]}
        yRange={[0, 1]}
        format={percent}
      />
    </section>
  );
}

function Maps() {
  const found = looked.value;
  const { it, words } = sentence.value;
  const choice = itMap.value;
  const data = useMemo(
    () => found && { rows: found.words, columns: found.words, weights: weightsOf(found.maps[choice.layer]!, choice.head) },
    [found, choice],
  );
  if (!found || !data) return <section class="card empty" />;
  return (
    <>
      <Timeline steps={plan.steps} />
      <section class="card attention" aria-labelledby="it-maps-title">
        <div class="card-head">
          <div>
            <h2 id="it-maps-title">Every word’s attention</h2>
            <p>{describe(choice)}. The row of “it” is what the sentence above shows.</p>
          </div>
          <ColorScale />
        </div>
        <div class="attention-body">
          <HeatMap
            data={data}
            label={`Attention of each word to each word of: ${words.join(' ')}. ${describe(choice)}`}
            axes={['looks', 'looked at']}
            upright
            active={found.words === words ? it : null}
          />
          <MapPicker
            rows={data.rows}
            columns={data.columns}
            layers={found.maps}
            choice={choice}
            onChoice={(next) => (itMap.value = next)}
          />
        </div>
      </section>
    </>
  );
}

/** What *it* looked at, from the first step on: a column for each time that was measured, and room for those to come. */
function Timeline({ steps: total }: { steps: number }) {
  const { words, history } = looked.value!;
  const { steps, rows } = history;
  const data = useMemo(() => {
    const count = total / measureEvery + 1;
    const columns = Array.from({ length: count }, (_, i) => ((i * measureEvery) % 100 === 0 ? String(i * measureEvery) : ''));
    const weights = new Float32Array(words.length * count).fill(Number.NaN);
    steps.forEach((step, i) => {
      for (const [word, weight] of rows[i]!.entries()) weights[word * count + step / measureEvery] = weight;
    });
    return { rows: words, columns, weights };
  }, [words, steps, rows, total]);
  return (
    <section class="card" aria-labelledby="timeline-title">
      <div class="card-head">
        <div>
          <h2 id="timeline-title">How it came about</h2>
          <p>What “it” looked at in this sentence, step by step: last layer, mean of the heads.</p>
        </div>
        <ColorScale />
      </div>
      <div class="timeline">
        <HeatMap
          data={data}
          label={`Attention of it to ${words.join(', ')} from step 0 to ${steps.at(-1) ?? 0}`}
          axes={['words', 'steps']}
        />
      </div>
    </section>
  );
}

function HeldOut() {
  const list = (words: readonly string[]) => words.join(', ');
  return (
    <section class="card prose" aria-labelledby="held-out-title">
      <h2 id="held-out-title">What is held out, exactly</h2>
      <p>
        Training sentences with <em>it</em> are made of {lexicon.animal.seen.length} animals and {lexicon.place.seen.length} places. These
        twelve nouns are never among them: <b>{list([...lexicon.animal.unseen, ...lexicon.place.unseen])}</b>. The model meets them in plain
        statements only, such as “the otter yawned” or “someone paved the street”, in which it has to guess a hidden word. Such statements
        have no <em>it</em>, no “because” and no adjective: that a street can be wide and an otter can be tired, it has to conclude.
      </p>
      <p>
        There are eight patterns. In four the animal stands first, in four the place; <em>it</em> stands before both or behind both; an
        opening such as “last night” moves everything. Each is drawn as often with an adjective of animals as with one of places, so that no
        position and no pattern gives the answer away. Counted as right is only a sentence in which the right noun gets more attention than{' '}
        <em>any</em> other word; of 96 fresh sentences each, with the nouns of the training and with held-out nouns alone.
      </p>
      <p>
        There is no head on top. The loss asks the attention of <em>it</em>, in the last layer, to fall on the right noun: the picture is
        the answer. All randomness comes from the seed, so the same seed gives the same curve.
      </p>
    </section>
  );
}
