# Texts of the hosted consent pages in English.
# Keys are grouped by page; de.ftl holds exactly the same keys and variables.

## Frame

title-with-tenant = { $heading } – { $tenant }
title-error = Error: { $heading }
test-banner-label = Test mode
test-banner-title = Test mode.
test-banner-text = No real bank is involved and no real data is shared.
asked-by = You come from
language-nav = Language
footer-text = Secure bank connection by Fondaco
error-summary-title = Please check this first

## Choosing the bank

choose-heading = Which bank would you like to connect?
choose-lead = Choose the bank where you hold your accounts. You sign in at the bank itself, in the next steps.
choose-search-label = Search for your bank
choose-search-hint = Name or BIC, for example “Savings Bank”.
choose-search-button = Search
choose-results-all = Available banks
choose-results-for = Results for “{ $query }”
choose-count =
    { $count ->
        [one] { $count } bank
       *[other] { $count } banks
    }
choose-none = No bank matches “{ $query }”.
choose-none-at-all = There is no bank to choose from yet.
choose-none-help = Check the spelling, try a shorter part of the name, or search by BIC.
choose-show-all = Show all banks
choose-refine = More banks match. Only the first { $count } are shown; refine your search to find yours.
choose-filter-none = No bank in this list matches.
choose-filter-one = 1 bank shown
choose-filter-many = # banks shown
choose-bic = BIC { $bic }
choose-unavailable = Cannot be connected
obstacle-certificate = This bank asks for a certificate that is not set up here yet.
obstacle-maintenance = This bank is not reachable at the moment. Please try again later.
obstacle-unsupported = This bank does not offer the access that is needed.
problem-query-too-long = The search text is too long. Use at most { $count } characters.
problem-not-available = That bank cannot be connected. Search for another one.

## Review

review-heading = Share your bank data with { $tenant }?
review-lead = Please read what you are about to share. Nothing is shared before you agree at your bank.
review-bank-title = Your bank
review-shared-title = What is shared
share-accounts = Accounts
share-accounts-text = Names, numbers and currencies of the accounts you select at your bank
share-balances = Balances
share-balances-text = How much money is in these accounts
share-transactions = Transactions
share-transactions-since = Money in and out since { $date }, and new transactions as they happen
share-transactions-all = Money in and out, as far back as your bank provides it, and new transactions as they happen
share-transactions-once = Money in and out since { $date }
share-transactions-once-all = Money in and out, as far back as your bank provides it
review-duration-title = For how long
duration-until = Until { $date }. Access ends on its own after that day.
duration-once = Once only. The data is read a single time, then the access ends.
duration-open = Until you withdraw your consent.
review-withdraw-title = How to withdraw
review-withdraw-text = You can withdraw at any time: in { $tenant }, in your online banking at { $institution }, or through the support contact below.
review-safe-title = What nobody here can do
review-safe-pay = Nobody here can make payments or move money.
review-safe-password = Nobody here can see your password. You enter it only on the pages of { $institution }.
review-who-title = Who is asking
review-privacy = Privacy notice of { $tenant }
review-support = Support
review-continue = Continue to { $institution }
review-continue-note = By continuing you agree that { $tenant } receives the data listed above.
review-other-bank = Choose another bank
cancel-button = Cancel and return to { $tenant }

## On the way

handoff-heading = Taking you to { $institution }
handoff-text = You sign in and agree on the pages of your bank. After that you come back here.
handoff-link = Open { $institution }
working-heading = One moment please
working-exchanging = { $institution } has confirmed your consent. The connection is being completed.
working-reading = The connection stands. Your accounts are being read.
working-note = This usually takes a few seconds. You do not need to do anything.
working-link = Check again now

## Result

result-success-heading = Your accounts are connected
result-success-text = The data from { $institution } is on its way to { $tenant }.
result-success-count =
    { $count ->
        [one] { $count } account from { $institution } is on its way to { $tenant }.
       *[other] { $count } accounts from { $institution } are on their way to { $tenant }.
    }
result-success-next = The first transactions appear within a few moments. You can withdraw at any time.
result-signatory-heading = One more person must agree
result-signatory-text = You have agreed. { $institution } also needs the consent of another authorised person.
result-signatory-next = As soon as that person has agreed at the bank, { $tenant } receives the data. You do not need to do anything.
result-denied-heading = Access was not granted
result-denied-declined = The request was declined at { $institution }. Nothing was shared with { $tenant }.
result-denied-declined-next = If this was not your intention, you can start again.
result-denied-authentication = { $institution } could not confirm that it was you. Nothing was shared with { $tenant }.
result-denied-authentication-next = Have your password and your banking app or code device ready, then try again.
result-denied-eligible = { $institution } does not allow this access for your accounts. Nothing was shared with { $tenant }.
result-denied-eligible-next = Ask your bank whether your accounts are open for online access, or choose another bank.
result-failed-heading = The connection did not work
result-failed-bank = { $institution } did not answer properly. Nothing was shared with { $tenant }.
result-failed-bank-next = This is often over soon. Try again in a few minutes.
result-failed-accounts = { $institution } reported no account that can be shared.
result-failed-accounts-next = Try again and select at least one account at your bank.
result-failed-here = Something went wrong on our side. Nothing was shared with { $tenant }.
result-failed-here-next = Try again. If it happens again, contact support.
result-reference = If you contact support, please give this reference:
result-expired-heading = This connection request has expired
result-expired-text = For your safety a request is valid for a short time only. Nothing was shared with { $tenant }.
result-expired-next = Go back to { $tenant } and start again.
result-used-heading = This connection request has already been used
result-used-text = Each request works only once. If you have finished it, there is nothing left to do.
result-used-next = You see the state of your connection in { $tenant }.
result-cancelled-heading = You have cancelled
result-cancelled-text = Nothing was shared with { $tenant }.
result-cancelled-next = You can start again at any time.
result-retry = Try again
result-back = Back to { $tenant }
result-close = You can close this page.

## Opened in another browser

other-heading = Please go back to where you started
other-text = Your bank has opened this page in a different browser or app. To protect you, the connection can only be finished in the browser where you started it. Nothing has been shared so far.
other-steps-title = How to go on
other-step-return = Go back to the browser or app in which you started.
other-step-again = Choose your bank there once more and continue to the bank.
other-step-web = If your banking app brings you here again, sign in on the web page of your bank instead of the app, or make the browser in which you started your standard browser.
other-warning-title = You did not start this yourself?
other-warning = Then somebody may have sent you their link. Close this page. Never pass on such a link and never open one that you did not ask for.

## Problems

problem-not-found-heading = This page was not found
problem-not-found-text = The link is incomplete, has been used, or is no longer valid.
problem-not-found-next = Go back to the service you came from and start the connection again.
problem-expired-heading = This link has expired
problem-expired-text = For your safety a connection link is valid for a short time only.
problem-expired-next = Go back to the service you came from and start the connection again.
problem-many-heading = Too many requests
problem-many-text = A lot of requests came from your connection in a short time.
problem-many-next =
    { $count ->
        [one] Wait a second, then reload this page.
       *[other] Wait { $count } seconds, then reload this page.
    }
problem-cookies-heading = Your browser did not keep our cookie
problem-cookies-text = A short-lived cookie makes sure that only this browser can finish the connection. It is used for nothing else.
problem-cookies-allow = Allow cookies for this site in the settings of your browser.
problem-cookies-private = Private windows and content blockers may refuse cookies. Use a normal window if in doubt.
problem-cookies-same = Stay in the same browser from beginning to end.
problem-form-heading = This page was open for too long
problem-form-text = What you sent could not be matched with this page. Nothing was changed.
problem-form-next = Open the page again and repeat your last step.
problem-maintenance-heading = We will be right back
problem-maintenance-text = Bank connections are being serviced. Connections that already exist are not affected.
problem-maintenance-next = Please try again in a few minutes.
problem-internal-heading = Something went wrong
problem-internal-text = The mistake is on our side, and it has been recorded.
problem-internal-next = Please try again in a few minutes.
problem-steps-title = What you can do
problem-reload = Try again

## Dates

date-long = { $day } { $month } { $year }
month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December

## Countries (ISO 3166-1): the European Economic Area, Switzerland, the United Kingdom

country-AT = Austria
country-BE = Belgium
country-BG = Bulgaria
country-CH = Switzerland
country-CY = Cyprus
country-CZ = Czechia
country-DE = Germany
country-DK = Denmark
country-EE = Estonia
country-ES = Spain
country-FI = Finland
country-FR = France
country-GB = United Kingdom
country-GR = Greece
country-HR = Croatia
country-HU = Hungary
country-IE = Ireland
country-IS = Iceland
country-IT = Italy
country-LI = Liechtenstein
country-LT = Lithuania
country-LU = Luxembourg
country-LV = Latvia
country-MT = Malta
country-NL = Netherlands
country-NO = Norway
country-PL = Poland
country-PT = Portugal
country-RO = Romania
country-SE = Sweden
country-SI = Slovenia
country-SK = Slovakia
