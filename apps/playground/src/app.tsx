import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { Logo } from './components/logo.js';
import { Home } from './pages/home.js';
import { ItPage } from './pages/it.js';
import { Pronounce } from './pages/pronounce.js';
import { route } from './router.js';
import { theme, toggleTheme } from './theme.js';

interface Page {
  title: string;
  component: ComponentType;
}

/** The pages by address. A new page gets a line here, and a card on the home page. */
const pages: Record<string, Page> = {
  '/': { title: 'multihead', component: Home },
  '/pronounce': { title: 'Pronounce', component: Pronounce },
  '/it': { title: 'What does “it” look at?', component: ItPage },
};

export function App() {
  const page = pages[route.value] ?? pages['/']!;
  useEffect(() => {
    document.title = page.title === 'multihead' ? 'multihead playground' : `${page.title} · multihead`;
  }, [page]);
  const Content = page.component;
  return (
    <>
      <button class="skip" type="button" onClick={skipToMain}>
        Skip to content
      </button>
      <Header />
      <main id="main" tabIndex={-1} key={route.value}>
        <Content />
      </main>
      <footer class="footer">
        Everything on these pages is computed in your browser, by the packages of multihead. Nothing that you type leaves it.
      </footer>
    </>
  );
}

/** A button, for the address names pages: a link would change it. */
function skipToMain(): void {
  document.querySelector<HTMLElement>('#main')!.focus();
}

function Header() {
  const links = Object.entries(pages).filter(([address]) => address !== '/');
  return (
    <header class="header">
      <a class="wordmark" href="#/">
        <Logo />
        multihead
      </a>
      <nav aria-label="Pages">
        {links.map(([address, { title }]) => (
          <a key={address} href={`#${address}`} aria-current={route.value === address ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      <button class="theme" type="button" onClick={toggleTheme} aria-label={`Use ${theme.value === 'dark' ? 'light' : 'dark'} colours`}>
        {theme.value === 'dark' ? <Sun /> : <Moon />}
      </button>
    </header>
  );
}

function Sun() {
  return (
    <svg viewBox="0 0 20 20" aria-hidden="true">
      <circle cx="10" cy="10" r="3.5" />
      <path d="M10 1.5v2.4M10 16.1v2.4M1.5 10h2.4M16.1 10h2.4M4 4l1.7 1.7M14.3 14.3 16 16M4 16l1.7-1.7M14.3 5.7 16 4" />
    </svg>
  );
}

function Moon() {
  return (
    <svg viewBox="0 0 20 20" aria-hidden="true">
      <path d="M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7Z" />
    </svg>
  );
}
