import { TokenizerError } from '@multihead/tokenizer';
import { ChatTemplate, renderTemplate } from '@multihead/tokenizer/chat';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const template =
  '{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}{% if tools %}{{ tools | length }} tools{% endif %}{% if documents %}{{ documents[0].title }}{% endif %}{% if add_generation_prompt %}[assistant]{% endif %}';
const hello = [{ role: 'user', content: 'Hi' }];

describe('ChatTemplate', () => {
  it('writes a conversation with special tokens, tools, documents and the beginning of an answer', () => {
    const chat = new ChatTemplate({ config: { chat_template: template, bos_token: '<s>', eos_token: { content: '</s>' } } });
    expect(chat.apply(hello)).toBe('<s>[user]Hi</s>');
    expect(chat.apply(hello, { addGenerationPrompt: true })).toBe('<s>[user]Hi</s>[assistant]');
    expect(chat.apply(hello, { tools: [{}, {}] })).toBe('<s>[user]Hi</s>2 tools');
    expect(chat.apply(hello, { documents: [{ title: 'A title' }] })).toBe('<s>[user]Hi</s>A title');
  });

  it('chooses among several templates by name, and by whether there are tools', () => {
    const named = [
      { name: 'default', template: 'plain' },
      { name: 'tool_use', template: 'with tools' },
      { name: 'rag', template: 'with documents' },
    ];
    const chat = new ChatTemplate({ config: JSON.stringify({ chat_template: named }) });
    expect([...chat.templates.keys()]).toEqual(['default', 'tool_use', 'rag']);
    expect(chat.apply(hello)).toBe('plain');
    expect(chat.apply(hello, { tools: [] })).toBe('with tools');
    expect(chat.apply(hello, { name: 'rag' })).toBe('with documents');
    expect(() => chat.apply(hello, { name: 'none' })).toThrow('name: expected one of default, tool_use, rag, got "none"');
  });

  it('takes the file beside the config for the newer one', () => {
    const chat = new ChatTemplate({ config: { chat_template: 'old' }, template: 'new', additionalTemplates: { other: 'more' } });
    expect(chat.apply(hello)).toBe('new');
    expect(chat.apply(hello, { name: 'other' })).toBe('more');
  });

  it('says so when there is no template', () => {
    expect(() => new ChatTemplate({ config: {} })).toThrow(TokenizerError);
    expect(() => new ChatTemplate({ config: '{' })).toThrow('config: expected JSON');
    expect(() => new ChatTemplate({ config: { chat_template: [{ name: 'a' }] as never } })).toThrow('chat_template[0].template');
  });

  it('hands variables on, and the time it is given', () => {
    const chat = new ChatTemplate({ template: "{{ strftime_now('%d %b %Y, %H:%M') }} {{ mood }}" });
    expect(chat.apply([], { now: new Date(2026, 6, 4, 9, 5), variables: { mood: 'good' } })).toBe('04 Jul 2026, 09:05 good');
  });

  it('tells what a template raises', () => {
    const chat = new ChatTemplate({ template: "{{ raise_exception('roles must alternate') }}" });
    expect(() => chat.apply(hello)).toThrow('ChatTemplate.apply: the template raised: roles must alternate');
  });
});

describe('hostile templates', () => {
  const long = 'x'.repeat(3_000_000);
  const grow = (step: string, start: string) =>
    `{% set ns = namespace(x=${start}) %}{% for i in range(64) %}{% set ns.x = ${step} %}{% endfor %}{{ ns.x }}`;
  const hostile: readonly [string, string][] = [
    ['long loops', '{% for i in range(1000000000) %}{% endfor %}'],
    ['loops in loops', '{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}'],
    ['texts that double', grow('ns.x ~ ns.x', "'aaaaaaaa'")],
    ['lists that double', grow('ns.x + ns.x', '[1]')],
    ['lists of lists that double', grow('[ns.x, ns.x]', '[1]')],
    ['replacements', "{{ a.replace('x', a) }}"],
    ['replacements by another name', "{% set r = a['replace'] %}{{ r('x', a) }}"],
    ['replacements by a filter', "{{ a | replace('x', a) }}"],
    ['joins', '{{ range(100000) | join(a) }}'],
    ['indents', '{{ a | indent(1000000000, true) }}'],
    ['indented JSON', '{{ [[1]] | tojson(indent=1000000000) }}'],
    ['cuts', "{{ a.split('x') | length }}"],
    ['much work', '{% for i in range(100000) %}{% set b = a | upper %}{% endfor %}'],
    ['much looking', "{% for i in range(100000) %}{% if 'y' in a %}{% endif %}{% endfor %}"],
    ['macros without end', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}'],
    ['macros that double', '{% macro f(n) %}{{ f(n - 1) ~ f(n - 1) if n > 0 }}{% endmacro %}{{ f(60) }}'],
    ['deep brackets', `{{ ${'['.repeat(100_000)} }}`],
    ['deep blocks', '{% if a %}'.repeat(40_000)],
    ['white space', `{{ 1 }}${' '.repeat(400_000)}`],
    ['length', 'x'.repeat(600_000)],
  ];

  it.each(hostile)('%s', (_name, text) => {
    const begin = performance.now();
    expect(() => renderTemplate(text, { a: long })).toThrow(TokenizerError);
    expect(performance.now() - begin).toBeLessThan(20_000); // a machine may be busy; they take less than a second
  });

  it.each([
    '{{ range }}',
    "{{ range ~ '' }}",
    "{{ 'a'.upper }}",
    '{{ [range] | join }}',
    '{% macro m() %}{{ range }}{% endmacro %}{{ m() }}',
  ])('prints no function: %s', (text) => {
    expect(() => renderTemplate(text)).toThrow(TokenizerError);
  });

  it('is held to the limits that it is given, which have to be some', () => {
    expect(renderTemplate('{{ range(3) | length }}', {}, { limits: { steps: 10 } })).toBe('3');
    expect(() => renderTemplate('{% for i in range(9) %}{{ i }}{% endfor %}', {}, { limits: { steps: 10 } })).toThrow('at most 10 steps');
    expect(() => renderTemplate('', {}, { limits: { steps: Number.NaN } })).toThrow('limits.steps: expected a positive integer, got NaN');
    expect(() => renderTemplate('', null as never)).toThrow('context: expected an object');
  });

  it('reaches nothing of JavaScript', () => {
    expect(renderTemplate('{{ __proto__ }}{{ constructor }}{{ a.constructor }}{{ a.__proto__ }}{{ process }}', { a: {} })).toBe('');
    const own = JSON.parse('{"__proto__": "own", "constructor": 1}');
    expect(renderTemplate("{{ a['__proto__'] }} {{ a.constructor }}", { a: own })).toBe('own 1');
    expect(() => renderTemplate('{{ f() }}', { f: () => 1 })).toThrow('f: expected data as JSON has it, got a function');
  });

  it('never throws anything else, whatever the template', () => {
    const part = fc.constantFrom(...'{{ }} {% %} {# #} - if for in endif endfor set macro endmacro range(3) x ~ + | . [ ] ( ) "a" 1 tojson upper not and else is defined raise_exception namespace('.split(' ')); // biome-ignore format: one row
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
        try {
          renderTemplate(parts.join(' '), { x: [{ a: 1 }] });
        } catch (error) {
          expect(error).toBeInstanceOf(TokenizerError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('leaves honest templates alone, long conversations included', () => {
    const messages = Array.from({ length: 500 }, (_, i) => ({ role: i % 2 ? 'assistant' : 'user', content: `message ${i} `.repeat(50) }));
    const chat = new ChatTemplate({ config: { chat_template: template, bos_token: '<s>' } });
    expect(chat.apply(messages).length).toBeGreaterThan(290_000);
    expect(renderTemplate('{% set f = "a".upper %}{{ f() }}{{ a | replace("x", "y") | length }}', { a: 'x'.repeat(10_000) })).toBe(
      'A10000',
    );
  });
});
