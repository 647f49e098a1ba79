import { computed, effect, signal } from '@preact/signals';

export type Theme = 'light' | 'dark';

const key = 'multihead-theme';
const system = matchMedia('(prefers-color-scheme: dark)');
const systemDark = signal(system.matches);
const chosen = signal<Theme | null>(readChoice());

/** What is shown: the visitor's choice, else what the system prefers. */
export const theme = computed<Theme>(() => chosen.value ?? (systemDark.value ? 'dark' : 'light'));

/** Keeps the page in the theme; called once. */
export function applyTheme(): void {
  system.addEventListener('change', () => {
    systemDark.value = system.matches;
  });
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
  });
}

/** The other theme; a choice that agrees with the system is forgotten, so that the page follows the system again. */
export function toggleTheme(): void {
  const next: Theme = theme.value === 'dark' ? 'light' : 'dark';
  const follows = next === (systemDark.value ? 'dark' : 'light');
  chosen.value = follows ? null : next;
  try {
    if (follows) localStorage.removeItem(key);
    else localStorage.setItem(key, next);
  } catch {
    // Storage may be forbidden: the choice then lasts as long as the page.
  }
}

function readChoice(): Theme | null {
  try {
    const found = localStorage.getItem(key);
    return found === 'light' || found === 'dark' ? found : null;
  } catch {
    return null;
  }
}
