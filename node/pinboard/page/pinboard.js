// The page of Pinboard. All that people have written is shown as text, never as markup.

import { dress, showCases } from './moderation.js'

const maxText = 2000
const maxUpload = 8 * 1024 * 1024 - 64 * 1024
const freshFor = 10_000 // ms after a write in which reads ask for what is so now, as a cache may be that old
const lookEvery = 30_000 // ms

export const $ = (selector, root = document) => root.querySelector(selector)
export const self = { name: '', mail: '', since: 0, may: [] }
let lastWrite = -Infinity
let view = { leave() {} } // what is shown

// ---- The API ----

class Refusal extends Error {
  constructor(status, error) {
    super(error.detail || error.kind)
    Object.assign(this, { status, kind: error.kind, subject: error.subject || '', after: error.retry_after_ms || 0 })
  }
}

const pause = ms => new Promise(done => setTimeout(done, ms))

// call asks the API. What may be repeated is, when no server has an answer: reads, and writes that have a key of their own.
export async function call(method, path, body, { repeat = method !== 'POST', headers = {} } = {}) {
  const url = new URL(path, location.origin)
  if (method === 'GET' && performance.now() - lastWrite < freshFor) url.searchParams.set('fresh', 'true')
  const request = { method, headers: { ...headers }, credentials: 'same-origin' }
  if (body instanceof FormData) request.body = body
  else if (body !== undefined) {
    request.body = JSON.stringify(body)
    request.headers['Content-Type'] = 'application/json'
  }
  for (let tries = 0; ; tries++) {
    try {
      const reply = await fetch(url, request)
      const value = await reply.json().catch(() => ({ kind: 'bad answer' }))
      if (reply.ok) {
        if (method !== 'GET') lastWrite = performance.now()
        const as = reply.headers.get('Pinboard-User')
        if (as && self.name && as !== self.name) location.reload() // somebody else has logged in here
        return value
      }
      if (!repeat || reply.status < 502 || tries === 3) throw new Refusal(reply.status, value)
    } catch (error) {
      if (error instanceof Refusal) throw error
      if (!repeat || tries === 3) throw new Refusal(0, { kind: 'offline', detail: 'no answer' })
    }
    await pause(300 * 2 ** tries * (0.5 + Math.random()))
  }
}

// explain says for people why something failed.
export function explain(error) {
  if (!(error instanceof Refusal)) throw error
  if (error.status === 0) return 'No connection. Please try again.'
  if (error.status === 503) return 'Too much is going on just now. Please try again in a moment.'
  if (error.status === 504) return 'Nobody knows whether that has worked. Please try again.'
  if (error.status >= 500) return 'Something went wrong here. Please try again.'
  if (error.status === 401 && self.name) return 'You are not logged in any more.'
  const text = error.message
  const again = error.after ? ` Please try again in ${Math.ceil(error.after / 1000)} s.` : ''
  return text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.') + again
}

function newID() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), n => n.toString(16).padStart(2, '0')).join('')
}

// ---- Small things ----

let noticeTimer
export function say(text) {
  const notice = $('#notice')
  notice.textContent = text
  notice.classList.add('shown')
  clearTimeout(noticeTimer)
  noticeTimer = setTimeout(() => notice.classList.remove('shown'), 5000)
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' })
const fullDate = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const dayDate = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })

function ago(ms) {
  const seconds = Math.max(0, (Date.now() - ms) / 1000)
  if (seconds < 45) return 'just now'
  if (seconds < 3600) return relative.format(-Math.max(1, Math.round(seconds / 60)), 'minute')
  if (seconds < 86_400) return relative.format(-Math.round(seconds / 3600), 'hour')
  if (seconds < 7 * 86_400) return relative.format(-Math.round(seconds / 86_400), 'day')
  return dayDate.format(ms)
}

function dressAvatar(avatar, name) {
  let sum = 0
  for (const c of name) sum = (sum * 31 + c.codePointAt(0)) % 360
  avatar.style.setProperty('--hue', sum)
  avatar.textContent = name[0]
}

const profileOf = name => '#/@' + encodeURIComponent(name)

export function fromTemplate(id) {
  return document.importNode($('#' + id).content, true)
}

// show puts a view in the place of another one.
export function show(id, title) {
  view.leave()
  view = { leave() {} }
  $('#main').replaceChildren(fromTemplate(id))
  document.title = title
  window.scrollTo(0, 0)
  for (const link of document.querySelectorAll('nav a')) {
    if (link.getAttribute('href') === (location.hash || '#/')) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
}

// submit lets a form do something once at a time, and shows why it failed.
export function submit(form, action) {
  const error = $('.error', form)
  form.addEventListener('submit', async event => {
    event.preventDefault()
    const button = $('button:not([type=button])', form)
    if (button.disabled) return
    error.textContent = ''
    button.disabled = true
    try {
      await action(new FormData(form))
    } catch (e) {
      error.textContent = explain(e)
      if (e.status === 401 && self.name) begin()
    } finally {
      button.disabled = false
    }
  })
}

export function nothing(title, text) {
  const section = document.createElement('section')
  section.className = 'empty'
  const h = document.createElement('h2')
  h.textContent = title
  const p = document.createElement('p')
  p.textContent = text
  section.append(h, p)
  return section
}

// ---- Posts ----

export function postCard(post, gone) {
  const card = fromTemplate('post').firstElementChild
  card.dataset.key = post.author + '/' + post.id
  const author = $('.author', card)
  author.href = profileOf(post.author)
  $('.name', card).textContent = post.author
  dressAvatar($('.avatar', card), post.author)
  const time = $('time', card)
  time.dateTime = new Date(post.at_ms).toISOString()
  time.title = fullDate.format(post.at_ms)
  time.textContent = ago(post.at_ms)
  $('.text', card).textContent = post.text
  if (post.picture) {
    const link = $('.picture', card)
    const image = $('img', link)
    link.hidden = false
    link.href = post.picture
    image.alt = post.alt || 'A picture without a description'
    image.width = post.width
    image.height = post.height
    if (post.thumbnail) image.srcset = `${post.thumbnail} 320w, ${post.picture} 1280w`
    image.sizes = '(min-width: 40rem) 36rem, 92vw'
    image.src = post.picture
    image.addEventListener('error', () => { link.hidden = true }, { once: true })
  }
  if (post.author === self.name) {
    const button = $('.delete', card)
    button.hidden = false
    button.setAttribute('aria-label', 'Delete the post of ' + time.textContent)
    button.addEventListener('click', () => deletePost(post, card, gone))
  }
  dress(card, post)
  return card
}

async function deletePost(post, card, gone) {
  if (!await confirmed()) return
  try {
    await call('DELETE', `/api/posts/${post.author}/${post.id}`)
    card.remove()
    gone()
    say('The post is deleted.')
  } catch (e) {
    say(explain(e))
  }
}

function confirmed() {
  const dialog = $('#confirm')
  dialog.returnValue = 'no'
  dialog.showModal()
  return new Promise(done => dialog.addEventListener('close', () => done(dialog.returnValue === 'yes'), { once: true }))
}

// list shows a list of posts page by page, and what is new in it.
function list(path, empty) {
  const box = $('#posts')
  const more = $('.more')
  let next = ''
  const known = () => new Set(Array.from(box.children, card => card.dataset.key))
  const card = post => postCard(post, fill)
  function fill() {
    const none = $('.empty', box)
    if (box.children.length === 0) box.append(empty())
    else if (none && box.children.length > 1) none.remove()
    more.hidden = !next
  }
  return {
    start(page) {
      next = page.next || ''
      box.replaceChildren(...page.posts.map(card))
      fill()
      $('button', more).addEventListener('click', async event => {
        event.target.disabled = true
        try {
          const page = await call('GET', `${path}?before=${encodeURIComponent(next)}`)
          const there = known()
          const added = page.posts.filter(post => !there.has(post.author + '/' + post.id)).map(card)
          box.append(...added)
          next = page.next || ''
          fill()
          if (added.length) $('a', added[0]).focus({ preventScroll: true })
        } catch (e) {
          say(explain(e))
        }
        event.target.disabled = false
      })
    },
    // add puts posts on top that are not there yet, and returns how many. Those of which something else is to be told are shown anew.
    add(posts) {
      const there = known()
      for (const post of posts) {
        const old = Array.from(box.children).find(c => c.dataset.key === post.author + '/' + post.id)
        const now = card(post)
        if (old && old.dataset.state !== now.dataset.state) old.replaceWith(now)
      }
      const added = posts.filter(post => !there.has(post.author + '/' + post.id)).map(card)
      for (const c of added) c.classList.add('new')
      box.prepend(...added)
      fill()
      return added.length
    },
  }
}

// ---- Views ----

function showWelcome() {
  $('#nav').hidden = true
  show('view-welcome', 'Pinboard')
  const tabs = [$('#tab-login'), $('#tab-register')]
  const choose = chosen => {
    for (const tab of tabs) {
      const on = tab === chosen
      tab.setAttribute('aria-selected', on)
      tab.tabIndex = on ? 0 : -1
      $('#' + tab.getAttribute('aria-controls')).hidden = !on
    }
  }
  for (const tab of tabs) {
    tab.addEventListener('click', () => choose(tab))
    tab.addEventListener('keydown', event => {
      if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return
      const other = tabs[1 - tabs.indexOf(tab)]
      choose(other)
      other.focus()
    })
  }
  const enter = account => {
    become(account)
    route()
  }
  submit($('#form-login'), async form => enter(await call('POST', '/api/session', {
    name: form.get('name').trim().toLowerCase(), password: form.get('password') })))
  // A registration that is repeated, as its answer was lost, is the same one.
  submit($('#form-register'), async form => enter(await call('POST', '/api/users', {
    name: form.get('name').trim().toLowerCase(), mail: form.get('mail').trim(), password: form.get('password') }, { repeat: true })))
}

// showReset lets somebody set a password by the link of a mail.
function showReset(token) {
  $('#nav').hidden = true
  show('view-reset', 'Set your password · Pinboard')
  submit($('#form-reset'), async form => {
    become(await call('PUT', '/api/password', { token, password: form.get('password') }))
    location.hash = '#/'
    say('Your password is set.')
  })
}

async function showHome() {
  const path = '/api/timeline'
  const [page, follows] = await Promise.all([call('GET', path), call('GET', '/api/follows')])
  show('view-home', 'Pinboard')
  const posts = list(path, () => nothing('Nothing is pinned yet.', 'Write something, or find somebody to follow.'))
  posts.start(page)
  compose(post => posts.add([post]))
  const names = $('#following')
  names.replaceChildren(...follows.follows.map(({ name }) => {
    const item = document.createElement('li')
    const link = document.createElement('a')
    link.href = profileOf(name)
    link.textContent = name
    item.append(link)
    return item
  }))
  if (!follows.follows.length) {
    const item = document.createElement('li')
    item.className = 'none'
    item.textContent = 'Nobody yet.'
    names.append(item)
  }
  submit($('#find'), async form => {
    const name = form.get('name').trim().toLowerCase()
    if (!name) return
    await call('GET', '/api/users/' + encodeURIComponent(name)).catch(e => {
      if (e.status === 404 || e.status === 400) e.message = 'There is nobody of that name'
      throw e
    })
    location.hash = profileOf(name)
  })
  const look = async () => {
    if (document.hidden) return
    try {
      posts.add((await call('GET', path, undefined, { repeat: false })).posts)
    } catch { /* the next look may do better */ }
  }
  const timer = setInterval(look, lookEvery)
  document.addEventListener('visibilitychange', look)
  view.leave = () => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', look)
  }
}

// compose lets people write a post. It keeps its ID until it is known to be posted: sent again, it is the same post.
function compose(posted) {
  const form = $('#composer')
  const text = form.elements.text
  const error = $('.error', form)
  const counter = $('.count', form)
  const preview = $('.preview', form)
  let id = newID()
  const length = () => Array.from(text.value.trim()).length
  const changed = () => {
    id = newID()
    const left = maxText - length()
    counter.textContent = left < 200 ? String(left) : ''
    counter.classList.toggle('over', left < 0)
    text.style.height = 'auto'
    text.style.height = text.scrollHeight + 'px'
  }
  text.addEventListener('input', changed)
  form.elements.alt.addEventListener('input', () => { id = newID() })
  text.addEventListener('keydown', event => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit()
  })
  const dropPicture = () => {
    form.elements.picture.value = ''
    form.elements.alt.value = ''
    URL.revokeObjectURL($('img', preview).src)
    $('img', preview).removeAttribute('src')
    preview.hidden = true
    id = newID()
  }
  form.elements.picture.addEventListener('change', () => {
    const [file] = form.elements.picture.files
    error.textContent = ''
    if (!file) return dropPicture()
    id = newID()
    if (file.size > maxUpload) {
      dropPicture()
      error.textContent = 'The picture is too large: at most 8 MB.'
      return
    }
    $('img', preview).src = URL.createObjectURL(file)
    preview.hidden = false
  })
  form.elements.drop.addEventListener('click', () => {
    dropPicture()
    form.elements.picture.focus()
  })
  submit(form, async data => {
    const file = data.get('picture')
    const hasFile = file && file.size > 0
    if (!hasFile && !length()) return text.focus()
    if (length() > maxText) throw new Refusal(413, { kind: 'too-large', detail: `a text has at most ${maxText} characters` })
    let body = { id, text: text.value }
    if (hasFile) {
      body = new FormData()
      body.set('id', id)
      body.set('text', text.value)
      body.set('alt', form.elements.alt.value)
      body.set('picture', file)
    }
    const post = await call('POST', '/api/posts', body, { repeat: true, headers: { 'Idempotency-Key': id } })
    posted(post)
    text.value = ''
    dropPicture()
    changed()
    say(post.state ? 'Pinned. Others see it once it was looked at.' : 'Pinned.')
  })
}

async function showProfile(name) {
  const path = '/api/users/' + encodeURIComponent(name)
  const user = await call('GET', path)
  show('view-profile', `${user.name} · Pinboard`)
  $('.profile h1').textContent = user.name
  dressAvatar($('.profile .avatar'), user.name)
  const facts = $('.facts')
  const tell = () => {
    facts.replaceChildren(...[`Since ${dayDate.format(user.created_ms)}`, user.followers === 1 ? '1 follower' : `${user.followers} followers`].map(text => {
      const span = document.createElement('span')
      span.textContent = text
      return span
    }))
  }
  tell()
  list(path, () => nothing('Nothing is pinned yet.', user.name === self.name ? 'What you write stands here.' : `${user.name} has not written anything.`)).start(user)
  const button = $('#relation')
  if (!self.name || user.name === self.name) return
  const dress = () => {
    button.hidden = false
    button.textContent = user.followed ? 'Unfollow' : 'Follow'
    button.className = user.followed ? '' : 'main'
  }
  dress()
  button.addEventListener('click', async () => {
    button.disabled = true
    try {
      await call(user.followed ? 'DELETE' : 'PUT', '/api/follows/' + encodeURIComponent(user.name))
      user.followed = !user.followed
      user.followers += user.followed ? 1 : -1
      tell()
      dress()
      say(user.followed ? `You follow ${user.name}.` : `You do not follow ${user.name} any more.`)
    } catch (e) {
      say(explain(e))
    }
    button.disabled = false
  })
}

function showNothing(title, text) {
  show('view-nothing', 'Pinboard')
  $('.empty h1').textContent = title
  $('.empty p').textContent = text
}

// ---- Who is here, and what is to be seen ----

function become(account) {
  Object.assign(self, { name: account.name, mail: account.mail, since: account.created_ms, may: account.may || [] })
  $('#nav-cases').hidden = !self.may.includes('moderate')
  $('#nav').hidden = false
  $('#nav-self').textContent = self.name
  $('#nav-self').href = profileOf(self.name)
}

function nobody() {
  Object.assign(self, { name: '', mail: '', since: 0, may: [] })
  for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close()
  if (location.hash && location.hash !== '#/') location.hash = '#/'
  showWelcome()
}

// route shows what the address says.
let routes = 0
async function route() {
  const mine = ++routes
  const hash = location.hash || '#/'
  const name = hash.startsWith('#/@') ? decodeURIComponent(hash.slice(3)) : ''
  try {
    if (hash.startsWith('#/reset/')) showReset(decodeURIComponent(hash.slice(8)))
    else if (name) await showProfile(name)
    else if (hash === '#/cases' && self.may.includes('moderate')) await showCases()
    else if (hash !== '#/') showNothing('There is nothing here.', 'The address leads nowhere.')
    else if (self.name) await showHome()
    else showWelcome()
    if (mine === routes) $('#main').focus({ preventScroll: true })
  } catch (e) {
    if (mine !== routes) return
    if (e.status === 401 && self.name) nobody()
    else if (e.status === 404 || e.status === 400) showNothing('There is nobody of that name.', 'The account may have been deleted.')
    else showNothing('That did not work.', explain(e))
  }
}

async function begin() {
  try {
    become(await call('GET', '/api/me'))
  } catch (e) {
    if (e.status !== 401) return showNothing('That did not work.', explain(e))
    self.name = ''
    self.may = []
    $('#nav').hidden = true
  }
  route()
}

$('#nav-account').addEventListener('click', () => {
  $('#account-name').textContent = self.name
  $('#account-mail').textContent = self.mail
  $('#account-since').textContent = dayDate.format(self.since)
  $('#account').showModal()
})
$('#logout').addEventListener('click', async () => {
  try {
    await call('DELETE', '/api/session')
  } catch (e) {
    if (e.status !== 401) return say(explain(e))
  }
  nobody()
})
submit($('#form-leave'), async form => {
  await call('DELETE', '/api/me', { password: form.get('password') })
  $('#form-leave').reset()
  nobody()
  say('Your account is deleted.')
})
window.addEventListener('hashchange', route)
begin()
