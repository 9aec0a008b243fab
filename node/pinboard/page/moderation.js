// What the page has beside posts where abuse protection is on: why a post is not shown, reports, appeals, and for moderators
// the cases. All that people have written is shown as text.

import { $, call, explain, fromTemplate, nothing, postCard, say, self, show, submit } from './pinboard.js'

const reasons = {
  undecided: 'it waits to be looked at',
  text: 'it reads like what people have called spam',
  link: 'it has a link that is not taken here',
  picture: 'it has a picture that is not taken here',
  limit: 'it was too much in too short a time',
  reputation: 'there was too much harm lately',
  moderator: 'a moderator has decided so',
}

const where = post => `/api/posts/${encodeURIComponent(post.author)}/${encodeURIComponent(post.id)}`
const may = what => self.may.includes(what)

// ask lets somebody say why, and does something with it. It returns whether it was done.
function ask(title, text, button, action) {
  const dialog = fromTemplate('ask').firstElementChild
  const form = $('form', dialog)
  $('h2', dialog).textContent = title
  $('p', dialog).textContent = text
  $('.main', dialog).textContent = button
  document.body.append(dialog)
  let done = false
  submit(form, async data => {
    await action(data.get('why'))
    done = true
    dialog.close()
  })
  $('[name=cancel]', form).addEventListener('click', () => dialog.close())
  dialog.showModal()
  return new Promise(ended => dialog.addEventListener('close', () => {
    dialog.remove()
    ended(done)
  }, { once: true }))
}

// dress shows on a post's card what has befallen the post, and what can be done about it.
export function dress(card, post) {
  const mine = post.author === self.name
  card.dataset.state = (post.state || '') + (post.appealed ? ' appealed' : '')
  if (post.state) {
    const note = $('.standing', card)
    note.hidden = false
    const why = reasons[post.reason] || post.reason
    $('.why', note).textContent = post.state === 'held'
      ? `Only ${mine ? 'you' : 'the author'} and moderators see this: ${why}.`
      : `This is blocked, as ${why}. Nobody else sees it.`
    if (mine && post.appealed) $('.appealed', note).hidden = false
    else if (mine && may('report')) {
      const button = $('button', note)
      button.hidden = false
      button.addEventListener('click', () => appeal(card, post))
    }
  } else if (!mine && may('report')) {
    const button = $('.report', card)
    button.hidden = false
    button.setAttribute('aria-label', `Report this post of ${post.author}`)
    button.addEventListener('click', () => report(post))
  }
}

async function report(post) {
  const done = await ask('Report this post?', `Moderators look at it. ${post.author} does not learn who has reported it.`, 'Report it',
    why => call('POST', where(post) + '/report', { why }, { repeat: true }))
  if (done) say('Thank you. A moderator looks at it.')
}

async function appeal(card, post) {
  const done = await ask('Ask a moderator?', 'A person looks at your post, and decides whether it is shown.', 'Ask', async why => {
    Object.assign(post, await call('POST', where(post) + '/appeal', { why }, { repeat: true }))
  })
  if (!done) return
  card.replaceWith(postCard(post, () => {}))
  say('A moderator looks at it.')
}

// ---- Cases ----

export async function showCases() {
  const path = '/api/cases'
  const first = await call('GET', path)
  show('view-cases', 'Cases · Pinboard')
  const box = $('#cases')
  const more = $('.more')
  let next = ''
  const add = page => {
    box.append(...page.cases.map(caseCard))
    next = page.next || ''
    more.hidden = !next
    if (!box.children.length) box.append(nothing('Nothing waits for you.', 'What is held or reported stands here, and what authors ask you to look at.'))
  }
  add(first)
  $('button', more).addEventListener('click', async event => {
    event.target.disabled = true
    try {
      add(await call('GET', `${path}?before=${encodeURIComponent(next)}`))
    } catch (e) {
      say(explain(e))
    }
    event.target.disabled = false
  })
}

function caseCard(one) {
  const card = fromTemplate('case').firstElementChild
  const facts = []
  if (one.reports) facts.push(one.reports === 1 ? 'Reported once' : `Reported ${one.reports} times`)
  if (one.appealed_ms) facts.push('The author asks for a moderator')
  if (!facts.length) facts.push('Held')
  $('.facts', card).textContent = facts.join(' · ')
  const quote = $('blockquote', card)
  quote.textContent = one.appeal || ''
  quote.hidden = !one.appeal
  const post = postCard(one, () => card.remove())
  $('.report', post).hidden = true
  $('.shown', card).append(post)
  const form = $('form', card)
  form.elements.pictures.closest('label').hidden = !one.picture
  form.addEventListener('click', event => {
    if (event.target.name === 'verdict') form.elements.what.value = event.target.value
  })
  submit(form, async data => {
    const what = data.get('what')
    const block = what === 'block'
    const list = block ? ['links', 'pictures'].filter(name => data.get(name)) : []
    const label = !data.get('label') ? '' : block ? 'spam' : 'ham'
    await call('PUT', where(one) + '/verdict', { verdict: what, why: data.get('why'), label, list, opened_ms: one.opened_ms })
    card.remove()
    say(block ? 'It is blocked.' : 'It is shown.')
    if (!$('#cases').children.length) showCases()
  })
  return card
}
