// SPDX-License-Identifier: Apache-2.0
// Which packages a wish comes to: what is there stays, the first alternative that can be had is
// taken, and a choice is not taken back.
#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>

#include "base/text.h"
#include "deb/package.h"
#include "deb/version.h"

namespace tare::deb {
namespace {

constexpr std::size_t kMostChosen = 20'000;

struct Relations {
  std::vector<Alternatives> needs;
  std::vector<Alternatives> provides;
  std::vector<Alternatives> refuses;
};

bool is_better(const Package* left, const Package* right) {
  if (left->priority != right->priority) return left->priority > right->priority;
  // Of those that provide the same, what most systems have.
  if (left->name != right->name)
    return std::pair(-left->importance, left->name) < std::pair(-right->importance, right->name);
  return compare_versions(left->version, right->version) > 0;
}

class Resolver {
 public:
  Resolver(const std::vector<Package>& available, const std::vector<Package>& installed,
           std::string_view architecture)
      : architecture_(architecture) {
    for (const Package& package : available) by_name_[package.name].push_back(&package);
    for (auto& [name, packages] : by_name_) std::ranges::stable_sort(packages, is_better);
    for (const Package& package : available)
      if (!package.provides.empty()) with_provides_.push_back(&package);
    for (const Package& package : installed) {
      now_[package.name] = &package;
      installed_[package.name] = &package;
    }
  }

  Result<> wish(const Wish& wish);
  Result<> satisfy_all();
  Resolution result() const;

 private:
  Result<const Relations*> relations(const Package& package);
  Result<bool> matches(const Relation& wanted, const Package& package);
  using State = std::map<std::string_view, const Package*>;
  Result<bool> is_satisfied(const Alternatives& group, const State& state);
  Result<std::vector<const Package*>> candidates(const Relation& wanted);
  Result<std::string> obstacle(const Package& candidate);
  Result<std::string> refusal(const Package& from, const Package& other);
  Result<bool> can_be_upgraded(const Package& old, const Package& refusing);
  // False: `why` says what is in the way.
  Result<bool> choose(const Alternatives& group, const std::string& wanted_by, std::string& why);
  Result<> add(const Package& package, const std::string& wanted_by);
  Result<> satisfy(const Package& package);
  Result<> index_provides();
  std::string way_to(std::string_view name) const;
  bool is_chosen(std::string_view name) const { return chosen_.contains(name); }

  std::string_view architecture_;
  std::unordered_map<std::string_view, std::vector<const Package*>> by_name_;
  std::vector<const Package*> with_provides_;
  std::map<std::string_view, std::vector<const Package*>> providers_;
  bool is_indexed_ = false;
  State now_;
  State installed_;
  std::set<std::string_view> chosen_;
  std::map<std::string_view, std::string> wanted_by_;
  std::map<const Package*, Relations> relations_;
  std::deque<std::string_view> open_;
};

Result<const Relations*> Resolver::relations(const Package& package) {
  if (const auto found = relations_.find(&package); found != relations_.end())
    return &found->second;
  Relations all;
  const auto read = [&](std::string_view text, std::vector<Alternatives>& out) -> Result<> {
    auto parsed = TRY(parse_relations(text, architecture_), package.label());
    std::ranges::move(parsed, std::back_inserter(out));
    return {};
  };
  TRY(read(package.pre_depends, all.needs));
  TRY(read(package.depends, all.needs));
  TRY(read(package.provides, all.provides));
  TRY(read(package.conflicts, all.refuses));
  TRY(read(package.breaks, all.refuses));
  return &relations_.emplace(&package, std::move(all)).first->second;
}

// By its name, or by what it provides: with a version only where that has one.
Result<bool> Resolver::matches(const Relation& wanted, const Package& package) {
  if (!wanted.architecture.empty() && wanted.architecture != "any" &&
      wanted.architecture != "native" && wanted.architecture != architecture_)
    return false;
  if (package.name == wanted.name && wanted.allows(package.version)) return true;
  if (package.provides.empty()) return false;
  for (const Alternatives& group : TRY(relations(package))->provides)
    for (const Relation& provided : group) {
      if (provided.name != wanted.name) continue;
      if (wanted.order == Order::Any) return true;
      if (provided.order == Order::Same && wanted.allows(provided.version)) return true;
    }
  return false;
}

Result<bool> Resolver::is_satisfied(const Alternatives& group, const State& state) {
  for (const Relation& wanted : group) {
    if (const auto found = state.find(wanted.name); found != state.end())
      if (TRY(matches(wanted, *found->second))) return true;
    for (const auto& [name, package] : state)
      if (!package->provides.empty() && TRY(matches(wanted, *package))) return true;
  }
  return false;
}

Result<> Resolver::index_provides() {
  if (std::exchange(is_indexed_, true)) return {};
  for (const Package* package : with_provides_)
    for (const Alternatives& group : TRY(relations(*package))->provides)
      for (const Relation& provided : group) providers_[provided.name].push_back(package);
  for (auto& [name, packages] : providers_) std::ranges::stable_sort(packages, is_better);
  return {};
}

// Best first; real packages of the name before those that provide it.
Result<std::vector<const Package*>> Resolver::candidates(const Relation& wanted) {
  std::vector<const Package*> out;
  if (const auto found = by_name_.find(wanted.name); found != by_name_.end())
    for (const Package* package : found->second)
      if (TRY(matches(wanted, *package))) out.push_back(package);
  TRY(index_provides());
  if (const auto found = providers_.find(wanted.name); found != providers_.end())
    for (const Package* package : found->second)
      if (package->name != wanted.name && TRY(matches(wanted, *package))) out.push_back(package);
  return out;
}

// Why `from` does not bear `other`; "" when it does.
Result<std::string> Resolver::refusal(const Package& from, const Package& other) {
  // What provides a name and conflicts with it is meant to be the only one.
  if (from.name == other.name || (from.conflicts.empty() && from.breaks.empty())) return "";
  for (const Alternatives& group : TRY(relations(from))->refuses)
    for (const Relation& refused : group)
      if (TRY(matches(refused, other)))
        return from.label() + " does not go with " + other.label() + " (" + refused.text() + ")";
  return "";
}

// One that is only there, and that a later version could take the place of.
Result<bool> Resolver::can_be_upgraded(const Package& old, const Package& refusing) {
  if (is_chosen(old.name)) return false;
  const auto found = by_name_.find(old.name);
  if (found == by_name_.end()) return false;
  const Package& best = *found->second.front();
  return compare_versions(best.version, old.version) > 0 && TRY(refusal(refusing, best)).empty() &&
         TRY(refusal(best, refusing)).empty();
}

Result<std::string> Resolver::obstacle(const Package& candidate) {
  if (const auto found = now_.find(candidate.name);
      found != now_.end() && is_chosen(candidate.name) && found->second != &candidate)
    return found->second->label() + " was chosen already";
  for (const auto& [name, package] : now_) {
    std::string why = TRY(refusal(candidate, *package));
    if (why.empty()) why = TRY(refusal(*package, candidate));
    if (!why.empty() && !TRY(can_be_upgraded(*package, candidate))) return why;
  }
  return "";
}

Result<> Resolver::add(const Package& package, const std::string& wanted_by) {
  if (chosen_.size() == kMostChosen) return fail(Kind::Invalid, "too many packages are needed");
  const auto old = now_.find(package.name);
  const bool replaces = old != now_.end();
  now_[package.name] = &package;
  chosen_.insert(package.name);
  wanted_by_.emplace(package.name, wanted_by);
  open_.push_back(package.name);
  if (!replaces) return {};
  // What is there may have needed the old one, or not bear the new.
  for (const auto& [name, other] : now_) open_.push_back(name);
  return {};
}

Result<bool> Resolver::choose(const Alternatives& group, const std::string& wanted_by,
                              std::string& why) {
  for (const Relation& wanted : group) {
    for (const Package* candidate : TRY(candidates(wanted))) {
      const std::string in_the_way = TRY(obstacle(*candidate));
      if (in_the_way.empty()) {
        TRY(add(*candidate, wanted_by));
        return true;
      }
      if (why.empty()) why = in_the_way;
    }
  }
  if (why.empty()) why = "no repository has it";
  return false;
}

std::string Resolver::way_to(std::string_view name) const {
  std::string way;
  std::set<std::string_view> seen;
  for (auto at = wanted_by_.find(name); at != wanted_by_.end() && !at->second.empty();
       at = wanted_by_.find(std::string_view(at->second))) {
    if (!seen.insert(at->first).second) break;
    way += ", which " + at->second + " needs";
  }
  return way;
}

Result<> Resolver::satisfy(const Package& package) {
  for (const Alternatives& group : TRY(relations(package))->needs) {
    if (TRY(is_satisfied(group, now_))) continue;
    std::string why;
    if (TRY(choose(group, std::string(package.name), why))) continue;
    std::vector<std::string> texts;
    for (const Relation& relation : group) texts.push_back(relation.text());
    // One that is only there may be the hindrance itself.
    const auto newer = by_name_.find(package.name);
    if (!is_chosen(package.name)) {
      if (newer != by_name_.end() &&
          compare_versions(newer->second.front()->version, package.version) > 0)
        return add(*newer->second.front(), "");
      // It may have been like that before.
      if (!TRY(is_satisfied(group, installed_))) continue;
    }
    return fail(Kind::Invalid, package.label() + way_to(package.name) + " needs " +
                                   join(texts, " | ") + ": " + why);
  }
  // What does not bear it is there still: a later version of it.
  for (const auto& [name, other] : State(now_)) {
    std::string why = TRY(refusal(package, *other));
    if (why.empty()) why = TRY(refusal(*other, package));
    if (why.empty()) continue;
    if (TRY(can_be_upgraded(*other, package)))
      TRY(add(*by_name_.at(name).front(), std::string(package.name)));
    else if (is_chosen(package.name) || is_chosen(name))
      return fail(Kind::Invalid, why + way_to(package.name));
  }
  return {};
}

Result<> Resolver::wish(const Wish& wish) {
  const auto found = by_name_.find(wish.name);
  if (found == by_name_.end()) {
    std::vector<std::string> names;
    for (const Package* package : TRY(candidates({.name = wish.name})))
      if (names.empty() || names.back() != package->name) names.emplace_back(package->name);
    if (installed_.contains(wish.name) && wish.version.empty()) return {};
    Error error(Kind::NotFound, "there is no package " + quoted(wish.name));
    if (!names.empty())
      return std::unexpected(std::move(error).hint("it is provided by " + join(names, ", ")));
    std::vector<std::string> known;
    for (const auto& [name, packages] : by_name_) known.emplace_back(name);
    std::ranges::sort(known);
    if (const auto near = nearest(wish.name, known))
      error = std::move(error).hint("is " + *near + " meant?");
    return std::unexpected(std::move(error));
  }
  const Package* wanted = found->second.front();
  if (!wish.version.empty()) {
    const auto is_it = [&](const Package* each) { return each->version == wish.version; };
    const auto exact = std::ranges::find_if(found->second, is_it);
    if (exact == found->second.end())
      return std::unexpected(Error(Kind::NotFound, "there is no version " + quoted(wish.version) +
                                                       " of " + quoted(wish.name))
                                 .hint("there is " + wanted->label()));
    wanted = *exact;
  } else if (const auto old = now_.find(wanted->name);
             old != now_.end() && compare_versions(old->second->version, wanted->version) >= 0) {
    return {};
  }
  if (const auto before = now_.find(wanted->name); before != now_.end())
    if (before->second->version == wanted->version) return {};
  if (const std::string why = TRY(obstacle(*wanted)); !why.empty()) return fail(Kind::Invalid, why);
  return add(*wanted, "");
}

Result<> Resolver::satisfy_all() {
  while (!open_.empty()) {
    const std::string_view name = open_.front();
    open_.pop_front();
    TRY(satisfy(*now_.at(name)));
  }
  return {};
}

Resolution Resolver::result() const {
  Resolution out;
  for (const std::string_view name : chosen_) {
    out.added.push_back(now_.at(name));
    if (const auto old = installed_.find(name); old != installed_.end())
      out.replaced.push_back(old->second);
  }
  return out;
}

}  // namespace

Result<Resolution> resolve(const std::vector<Package>& available,
                           const std::vector<Package>& installed, const std::vector<Wish>& wishes,
                           std::string_view architecture) {
  Resolver resolver(available, installed, architecture);
  for (const Wish& wish : wishes) TRY(resolver.wish(wish));
  TRY(resolver.satisfy_all());
  return resolver.result();
}

}  // namespace tare::deb
